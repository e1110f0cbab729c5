"""Whole answers: why one is no good, and what it cost."""

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.coding import opened
from proxy.dialects.dialect import Judgement
from proxy.dialects.objects import object_in
from proxy.dialects.openai import errors
from proxy.dialects.openai.stream import Reader, is_stream
from proxy.dialects.openai.usage import usage_at_end, usage_in

LISTS = {
    Operation.CHAT: "choices",
    Operation.COMPLETIONS: "choices",
    Operation.EMBEDDINGS: "data",
}
"""The list without which an answer of the operation is none. Others are judged by status."""

REDIRECTIONS = frozenset((301, 302, 303, 307, 308))

MOST_NUMBERS_BYTES = 256 * 1024
"""Of embeddings. Above it only both ends are looked at: parsing megabytes of numbers would hold up
every other call (10 ms for 3 MB), and there is little that could hide among them."""
_END_BYTES = 512


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """A redirection is no answer of an operation that computes one: of a fallback, it would lead
    the app to who knows whom. Of others it goes to the app as it is."""
    if status < 400 and operation not in LISTS:
        return None
    if 300 <= status < 400 and status not in REDIRECTIONS:
        return None
    if status in REDIRECTIONS:
        return _malformed(status, f"it answered {status}, a redirection")
    try:
        plain = opened(headers, body)
    except Failure as broken:
        if status < 300:
            broken.status = status
            return broken
        plain = None  # what it would have said is lost; its status is not
    if status >= 400:
        return errors.failure(status, headers, plain or b"", wall_s)
    return None if plain is None else _judge_good(operation, status, headers, plain)


def _judge_good(operation: Operation, status: int, headers: Headers, plain: bytes) -> Judgement:
    if is_stream(headers) or plain.startswith(b"data:"):  # as some send without a content type
        reader = Reader(None)
        reader.feed(plain)
        return reader.finish() or reader.usage
    if operation is Operation.EMBEDDINGS and _looks_whole(plain):
        return usage_at_end(plain)
    answer = object_in(plain)
    if answer is None:
        what = "what is no JSON object" if plain.strip() else "nothing"
        return _malformed(status, f"it answered {status} with {what}")
    if isinstance(answer.get(LISTS[operation]), list):
        return usage_in(answer)
    if answer.get("error"):
        return errors.failure_inside(answer, status)
    return _malformed(status, f"it answered {status} without {LISTS[operation]}")


def _looks_whole(plain: bytes) -> bool:
    """Whether a large answer has the ends of a good one, which is all that is asked of it."""
    if len(plain) <= MOST_NUMBERS_BYTES:
        return False
    head, tail = plain[:_END_BYTES].lstrip(), plain[-_END_BYTES:].rstrip()
    return head[:1] == b"{" and tail[-1:] == b"}" and b'"data"' in head


def _malformed(status: int, message: str) -> Failure:
    return Failure(FailureKind.MALFORMED, message, status=status)
