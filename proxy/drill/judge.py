"""Whether a play was survived: what the app got, held against what the policy promises."""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.core.call import Operation
from proxy.core.pact import RETRY_AFTER
from proxy.core.reply import Source
from proxy.drill import asked
from proxy.drill.app.client import Response
from proxy.drill.cast import TEXT
from proxy.drill.expect import Ended, Expected, expected
from proxy.drill.play import Asked, Play, Played
from proxy.drill.seen import Answer, marks, seen


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the scorecard. `why` says what is wrong, or else why it is right. `app` is the
    call that went wrong, or else the last; `providers` counts the requests of all."""

    route: str
    scenario: str
    stream: bool
    app: Answer
    providers: dict[str, int]
    survived: bool
    why: str


def judged(play: Play, played: Played, patience_s: float) -> Row:
    subject, scenario = play.subject, play.scenario
    providers = dict.fromkeys(played.calls[0].asked, 0)
    for call in played.calls:
        for name, count in call.asked.items():
            providers[name] += count
    wrong: list[str] = []
    why = ""
    answers = [seen(play, call.response) for call in played.calls]
    shown = answers[-1]
    if played.struck is None:
        wrong.append("no provider was asked at all")
    else:
        promise = expected(
            subject, scenario, played.struck, stream=play.stream, primed=played.primed
        )
        why = promise.why
        for call, answer in zip(played.calls, answers, strict=True):
            judge = _Judge(play, played, call, answer, promise)
            found = [*judge.complaints(), *_late(call.response, patience_s)]
            if found and not wrong:
                shown = answer
            wrong += found
        wrong += asked.complaints(play, played)
    wrong += [*played.left, *played.bugs]
    return Row(
        route=subject.name,
        scenario=scenario.name,
        stream=play.stream,
        app=shown,
        providers=providers,
        survived=not wrong,
        why="; ".join(dict.fromkeys(wrong)) or why,
    )


class _Judge:
    """Of one call."""

    def __init__(
        self, play: Play, played: Played, call: Asked, answer: Answer, promise: Expected
    ) -> None:
        self._subject = play.subject
        self._stream = play.stream
        self._scenario = play.scenario
        self._played = played
        self._call = call
        self._response = call.response
        self._answer = answer
        self._promise = promise
        self._heard = play.subject.tongue.hear(
            play.subject.operation, play.stream, call.response.body
        )

    def complaints(self) -> Iterator[str]:
        ended, right = self._answer.ended, self._promise.ends
        if ended not in right:
            wanted = " or ".join(sorted(right))
            yield f"it ended as {ended}, not {wanted} ({self._promise.why}){self._said()}"
            return
        if ended is Ended.ERROR:
            yield from self._error()
        elif ended is Ended.BROKEN and not TEXT.startswith(self._heard.text):
            yield f"the app was given what nobody said: {self._heard.text!r}"
        elif ended is Ended.WHOLE:
            yield from self._whole()
        if self._response.status is not None:
            yield from self._marks()
            yield from self._content_type()

    def _said(self) -> str:
        said = self._heard.error or self._heard.text or self._response.body[:80]
        return f": {said!r}" if said else ""

    def _error(self) -> Iterator[str]:
        """In the app's own dialect, or a provider's own unchanged; with a status that fits."""
        status = self._response.status
        own = self._is_own()
        if not self._heard.error and not own:
            yield f"the app cannot read its error: {self._response.body[:80]!r}"
        if status is not None and status >= 400 and not own:
            if status not in self._promise.statuses:
                yield f"the error has the status {status}"
            if self._response.field("x-should-retry") != "false":
                yield "the app's SDK is not told that retrying is of no use"
        if status == 200 and not own and not self._stream:
            yield "the error has the status of a good answer"
        if self._scenario.wait_s and not self._response.field(RETRY_AFTER.lower()):
            yield "the app is not told when to come back"

    def _is_own(self) -> bool:
        """Whether it is what a provider answered, unchanged."""
        answer = (self._response.status, self._response.body)
        return any(
            request.answered == answer
            for requests in self._played.requests.values()
            for request in requests
        )

    def _content_type(self) -> Iterator[str]:
        told = self._response.field("content-type").partition(";")[0]
        events = self._stream and self._response.status == 200
        wanted = "text/event-stream" if events else "application/json"
        if self._subject.read and told != wanted and not self._is_own():
            yield f"the answer says that it is {told or 'nothing'}, and is {wanted}"

    def _whole(self) -> Iterator[str]:
        texts = (Operation.EMBEDDINGS, Operation.MODELS)
        made_up = self._answer.source == Source.MOCK
        if self._subject.operation not in texts and not made_up and self._heard.text != TEXT:
            yield f"the answer is not what the provider said: {self._heard.text!r}"

    def _marks(self) -> Iterator[str]:
        """Every answer says honestly where it is from."""
        told, answer = marks(self._response), self._answer
        asked = self._call.asked
        if "request-id" not in told:
            yield "the answer has no x-understudy-request-id"
        fallback, degraded = told.get("fallback") == "true", told.get("degraded")
        if answer.ended is Ended.WHOLE:
            stands_in = answer.target != self._subject.called or answer.source == Source.STALE
            if fallback is not stands_in:
                yield f"x-understudy-fallback is {fallback}, the answer is of {answer.target}"
            if answer.source in (Source.MOCK, Source.STALE) and not degraded:
                yield f"an answer of the source {answer.source} is not marked as degraded"
            if answer.source == Source.UPSTREAM and not asked.get(answer.target):
                yield f"the answer names {answer.target}, which was not asked"
        counted = sum(asked.values())
        absent = self._scenario.absence(self._subject.upstream) is not None
        stale = int(self._played.primed)  # a connection that died while it was idle: no attempt
        fits = answer.attempts >= counted if absent else 0 <= counted - answer.attempts <= stale
        if not fits and not self._goes_on():
            yield f"x-understudy-attempts is {answer.attempts}, providers saw {counted} requests"

    def _goes_on(self) -> bool:
        """Whether others were asked after the headers had gone, or were called off at once."""
        route = self._subject.route
        return route is not None and (route.mid_stream == "resume" or route.strategy == "fastest")


def _late(response: Response, patience_s: float) -> Iterator[str]:
    if response.took_s >= patience_s:
        yield f"the app had waited for {response.took_s:g} s when it gave up"
