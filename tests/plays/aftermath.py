"""A look around when a play is over: nothing may be left of it, however it ended."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from proxy.core.event import Bug, CallEnded, CallStarted
from proxy.resilience.standing.breaker import Breaker
from proxy.resilience.standing.permit import Permit
from proxy.telemetry.attempts import attempts
from tests.plays.stage import Play


class Watch:
    """What was made while somebody watched, and the tasks that ran before."""

    def __init__(self) -> None:
        self.tasks = asyncio.all_tasks()
        self.plays: list[Play] = []
        self.permits: list[Permit] = []

    def nothing_is_left(self) -> None:
        running = asyncio.all_tasks() - self.tasks
        assert not running, f"nothing runs on: {running}"
        assert all(permit._issuer is None for permit in self.permits), "no permit is held"
        for play in self.plays:
            nothing_is_left_of(play)


@contextmanager
def watched() -> Iterator[Watch]:
    """Sees every play that is made meanwhile, and every permit that is given."""
    watch, make, permit = Watch(), Play.__init__, Breaker.permit

    def made(play: Play, *args: Any, **named: Any) -> None:
        make(play, *args, **named)
        watch.plays.append(play)

    def given(breaker: Breaker, insist: bool = False) -> Permit:
        watch.permits.append(permit(breaker, insist))
        return watch.permits[-1]

    with patch.object(Play, "__init__", made), patch.object(Breaker, "permit", given):
        yield watch


def nothing_is_left_of(play: Play) -> None:
    assert play.clock.next_due is None, "no timer is left"
    assert all(body.closed for body in play.bodies), "every answer was given back"
    for upstream in play.program.snapshot.upstreams.values():
        standing = play.standings.of(upstream)
        places = standing.places
        assert (places.in_use, places.waiting) == (0, 0), f"no place at {upstream.name} is held"
        assert play.loads.of(upstream.name, 0.0).in_flight == 0, f"{upstream.name} is done"
        if standing.breaker.state == "half_open":
            assert standing.breaker.refusal() is None, f"the probe at {upstream.name} is free"
    begun = [event.call.id for event in play.events if isinstance(event, CallStarted)]
    ended = [event.call.id for event in play.events if isinstance(event, CallEnded)]
    assert sorted(begun) == sorted(ended), "every call has ended once"
    for call in play.calls:
        for attempt in attempts(call.journal.entries):
            known = attempt.answered or attempt.failed or attempt.cancelled
            assert known, f"what became of {attempt.started} was told"
    assert not [event for event in play.events if isinstance(event, Bug)], "no bug showed"
