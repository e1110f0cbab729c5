"""Streams and requests of OpenAI itself, as they really were. See also `tests.dialects`."""

from proxy.core.call import Operation
from proxy.dialects.openai.dialect import OpenAI
from tests.dialects.recordings import Recording, recordings

DIALECT = OpenAI()
READ = (Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES, Operation.EMBEDDINGS)
_ENDS = (
    b'"finish_reason":"',
    b'"finish_reason": "',
    b"[DONE]",
    b"response.completed",
    b"response.incomplete",
)


def operation_of(recording: Recording) -> Operation:
    return DIALECT.recognise(recording.method, recording.path)


def test_a_stream_cut_before_its_end_is_broken_wherever_it_is_cut() -> None:
    streams = 0
    for recording in recordings("openai"):
        operation = operation_of(recording)
        if recording.status != 200 or DIALECT.reader(operation, recording.headers) is None:
            continue
        streams += 1
        told = min(
            (at for word in _ENDS if (at := recording.body.find(word)) >= 0),
        )
        for part in (1, told // 3, told // 2, told):
            reader = DIALECT.reader(operation, recording.headers)
            assert reader is not None
            reader.feed(recording.body[:part])
            failure = reader.finish()
            assert failure is not None, (recording.id, part)
            assert failure.kind == "broken_stream"
    assert streams > 30


def test_requests_are_read_and_rewritten() -> None:
    for recording in recordings("openai"):
        if operation_of(recording) not in READ or not recording.request.startswith(b"{"):
            continue
        asked = DIALECT.read(operation_of(recording), recording.path, recording.request)
        assert asked.model
        changed = DIALECT.rewrite(recording.request, "other", {})
        assert DIALECT.read(Operation.CHAT, recording.path, changed).model == "other"
        assert DIALECT.read(Operation.CHAT, recording.path, changed).stream == asked.stream
