"""Streams of ConverseStream and InvokeModelWithResponseStream, followed as they pass."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.bedrock import errors
from proxy.dialects.bedrock.frames import ERROR, EventFrames
from proxy.dialects.bedrock.usage import metrics_in, usage_in
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.follow import STREAM_STATUS, Follower, content_type
from proxy.dialects.frames import Event
from proxy.dialects.objects import object_in

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_NOTHING_YET = frozenset(("message_start", "content_block_stop", "ping"))
"""Events of Anthropic's models before which, or after which, there is something useful."""
_TELLING = (b'"stopReason"', b'"usage"', b'"bytes"', b"exception", b":error-")


def reader(operation: Operation, headers: Headers) -> Follower | None:
    """Who follows an answer with these headers; None where there is no stream, or a shut one."""
    if operation is not Operation.CHAT or content_type(headers) != CONTENT_TYPE:
        return None
    coding = coding_of(headers)
    if coding is Coding.OPAQUE:
        return None
    opener = None if coding is Coding.PLAIN else Opener(coding)
    return Follower(Reading(), EventFrames(), opener)


class Reading:
    """What the events of one stream come to. See `proxy.dialects.follow.Reading`."""

    __slots__ = ("done", "failure", "finished", "usage", "useful")

    def __init__(self) -> None:
        self.useful = False
        self.done = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self.finished = False

    def again(self) -> "Reading":
        return Reading()

    def tells(self, piece: bytes) -> bool:
        return any(piece.find(word) >= 0 for word in _TELLING)

    def take_head(self, head: bytes) -> None:
        said = object_in(head)
        if said is not None:
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def take(self, event: Event) -> None:
        said = object_in(event.data)
        if event.name == ERROR:
            self.failure = errors.failure_inside(said or {}, STREAM_STATUS)
        elif said is None:
            return
        elif event.name == b"chunk":
            self._take_invoked(said)
        else:
            self._take_conversed(event.name, said)

    def _take_conversed(self, name: bytes, said: dict[str, Any]) -> None:
        if name == b"contentBlockDelta":
            delta = said.get("delta")
            self.useful = self.useful or (isinstance(delta, dict) and any(delta.values()))
        elif name == b"contentBlockStart":
            self.useful = self.useful or bool(said.get("start"))  # a tool is called
        elif name == b"messageStop":
            self.useful = self.finished = True
        elif name == b"metadata":
            self.usage = usage_in(said) or self.usage
            self.done = self.finished

    def _take_invoked(self, said: dict[str, Any]) -> None:
        """Of the model's own event, within the payload; the last one has Bedrock's metrics."""
        inner = _unpacked(said)
        if inner is None:
            return
        metrics = metrics_in(inner)
        if metrics is not None:
            self.usage, self.useful, self.done = metrics, True, True
        elif inner.get("type") == "error" or isinstance(inner.get("error"), dict):
            self.failure = errors.failure_inside(inner, STREAM_STATUS)
        elif not self.useful:
            self.useful = _is_useful(inner)


def _unpacked(said: dict[str, Any]) -> dict[str, Any] | None:
    packed = said.get("bytes")
    if not isinstance(packed, str):
        return None
    try:
        return object_in(b64decode(packed, validate=True))
    except (Base64Error, ValueError):
        return None


def _is_useful(inner: dict[str, Any]) -> bool:
    """Every family of models has events of its own: what is not known to be worth nothing is taken
    to be worth something."""
    kind = inner.get("type")
    if kind == "content_block_start":
        block = inner.get("content_block")
        return isinstance(block, dict) and block.get("type") == "tool_use"
    if kind in _NOTHING_YET or "messageStart" in inner or "contentBlockStop" in inner:
        return False
    return bool(inner)
