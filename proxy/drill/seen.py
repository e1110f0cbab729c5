"""What the app saw of one call, judged as its client library would."""

import re
from dataclasses import dataclass

from proxy.drill.app.client import Response
from proxy.drill.app.tongue import Heard
from proxy.drill.expect import Ended
from proxy.drill.play import Play
from proxy.drill.subject import Subject

_MARK = re.compile(r'([a-z-]+)=(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app saw of one call, in the words of the scorecard."""

    status: int | None
    source: str
    target: str
    attempts: int
    ended: Ended


def seen(play: Play, response: Response) -> Answer:
    subject = play.subject
    heard = subject.tongue.hear(subject.operation, play.stream, response.body)
    told = marks(response)
    attempts = told.get("attempts", "")
    return Answer(
        status=response.status,
        source=told.get("source", ""),
        target=told.get("target", ""),
        attempts=int(attempts) if attempts.isdigit() else 0,
        ended=_ended(response, heard, subject, stream=play.stream),
    )


def marks(response: Response) -> dict[str, str]:
    """What the answer says of itself: in its headers, or in a comment of a stream whose headers
    had gone before it was known."""
    said = {
        name.removeprefix("x-understudy-"): value
        for name, value in response.fields.items()
        if name.startswith("x-understudy-")
    }
    for line in response.body.split(b"\n"):
        if line.startswith(b": understudy source="):
            for name, quoted, bare in _MARK.findall(line.decode("utf-8", "replace")):
                said[name] = quoted or bare
    return said


def _ended(response: Response, heard: Heard, subject: Subject, *, stream: bool) -> Ended:
    if response.status is None:
        return Ended.NOTHING
    if response.status >= 400:
        return Ended.ERROR if response.whole else Ended.WRONG
    if heard.error:
        if not heard.text:
            return Ended.ERROR
        return Ended.WRONG if response.whole else Ended.BROKEN
    if response.whole:
        return Ended.WHOLE if heard.finished else Ended.WRONG
    told_in_band = stream and subject.read
    return Ended.WRONG if told_in_band or heard.finished else Ended.BROKEN
