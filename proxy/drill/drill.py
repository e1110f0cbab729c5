"""All plays of a policy: every scenario against every route, several at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from proxy.core.clock import SystemClock
from proxy.core.failure import Failure
from proxy.drill.clock import Clocks
from proxy.drill.find import subjects
from proxy.drill.judge import Row, judged
from proxy.drill.play import Play, run
from proxy.drill.scenario import Scenario
from proxy.drill.subject import Seat, Subject
from proxy.embeddings.model import LocalModel
from proxy.policy.schema import LOCAL
from proxy.policy.snapshot import Snapshot

AT_ONCE = 16
"""Plays at a time: while one waits for time to jump, others have something to do."""

SLACK_S = 5.0
"""What the app waits beyond all that the policy may take."""


@dataclass(frozen=True, slots=True)
class Scored:
    """All rows of one subject."""

    subject: Subject
    rows: tuple[Row, ...]


class Drill:
    """Made inside the event loop of `clocks`. `notes` say what is not as in reality."""

    def __init__(self, snapshot: Snapshot, scenarios: Sequence[Scenario], clocks: Clocks) -> None:
        self._snapshot = snapshot
        self._scenarios = scenarios
        self._clocks = clocks
        self._model = LocalModel(snapshot.backend, SystemClock(), lambda event, journal: None)
        self._places = asyncio.Semaphore(AT_ONCE)
        self.notes: list[str] = []
        self.skipped_s = 0.0

    async def run(self) -> AsyncIterator[Scored]:
        """One subject after the other."""
        try:
            found, notes = subjects(self._snapshot, has_local=await self._has_local())
            self.notes += [*notes, *_keyless(self._snapshot, found)]
            for subject in found:
                yield Scored(subject, await self._rows(subject))
        finally:
            await self._model.close()

    async def _has_local(self) -> bool:
        """Whether vectors can be made here, if any route wants them."""
        targets = [target for route in self._snapshot.routes for target in route.targets]
        if not any(target.local for target in targets):
            return False
        try:
            await self._model.load()
        except Failure as failure:
            self.notes.append(f"{LOCAL} cannot make vectors here: {failure.message}")
            return False
        return True

    async def _rows(self, subject: Subject) -> tuple[Row, ...]:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._row(subject, scenario, stream))
                for scenario in self._scenarios
                for stream in (False, True)
                if _applies(subject, scenario, stream=stream)
            ]
        return tuple(task.result() for task in tasks)

    async def _row(self, subject: Subject, scenario: Scenario, stream: bool) -> Row:
        """Of several victims, the play that went worst."""
        patience_s = _patience_s(subject)
        rows = []
        for victim in _victims(subject, scenario):
            play = Play(subject, scenario, stream, victim)
            async with self._places:
                played = await run(play, self._clocks, self._model, patience_s)
            self.skipped_s += sum(call.response.took_s for call in played.calls)
            rows.append(judged(play, played, patience_s))
        return next((row for row in rows if not row.survived), rows[0])


def _applies(subject: Subject, scenario: Scenario, *, stream: bool) -> bool:
    if scenario.read and not subject.read:
        return False
    resumes = subject.route is not None and subject.route.mid_stream == "resume"
    if scenario.prefill_only and not resumes:
        return False
    if stream:
        return subject.tongue.streams(subject.operation)
    return not scenario.streams_only


def _victims(subject: Subject, scenario: Scenario) -> tuple[Seat | None, ...]:
    """Who is stricken: whoever is asked first; of those who cannot be reached, each in turn where
    the strategy chooses, and else the first."""
    if scenario.absence(subject.upstream) is None:
        return (None,)
    balanced = subject.route is not None and subject.route.strategy == "load_balanced"
    return subject.providers if balanced else subject.providers[:1]


def _patience_s(subject: Subject) -> float:
    """How long the app waits: as long as the policy lets a call take, and a little more."""
    route = subject.route
    if route is not None and route.deadline is not None:
        return route.deadline + SLACK_S
    longest = 0.0
    for seat in subject.providers:
        assert seat.upstream is not None
        timeout, retry = seat.upstream.timeout, seat.upstream.retry
        pause = max(retry.backoff.max, retry.retry_after_max)
        longest += seat.attempts * (timeout.total + pause) + seat.upstream.limit.wait
    return longest + SLACK_S


def _keyless(snapshot: Snapshot, found: Sequence[Subject]) -> list[str]:
    """Upstreams that the drill gives a key which they lack in reality."""
    names = dict.fromkeys(
        seat.name for subject in found for seat in subject.providers if seat.name != subject.called
    )
    return [
        f"{name} has no key here ({key} is not set): fallbacks to it are passed over in reality"
        for name in names
        if (key := snapshot.upstreams[name].missing_key)
    ]
