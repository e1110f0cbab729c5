"""What Anthropic sent, beyond what `tests.dialects.test_recordings` asks of every provider."""

from proxy.core.call import Operation
from proxy.core.failure import Failure
from proxy.dialects.anthropic.dialect import Anthropic
from tests.dialects.recordings import Recording, cuts, recordings

DIALECT = Anthropic()


def streams() -> list[Recording]:
    """Its streams of messages, its own and those of Vertex."""
    found = []
    for recording in recordings("anthropic", "vertexai"):
        operation = DIALECT.recognise(recording.method, recording.path)
        if recording.status == 200 and DIALECT.reader(operation, recording.headers) is not None:
            found.append(recording)
    return found


def test_its_word_on_a_later_try_is_heard() -> None:
    heard = 0
    for recording in recordings("anthropic"):
        if recording.label is None:
            continue
        told = recording.label["x_should_retry"]
        operation = DIALECT.recognise(recording.method, recording.path)
        found = DIALECT.judge(operation, recording.status, recording.headers, recording.body, 0.0)
        assert isinstance(found, Failure)
        assert found.should_retry is (None if told is None else told == "true"), recording.id
        heard += told is not None
    assert heard > 20


def test_answers_of_vertex_are_read_too() -> None:
    read = 0
    for recording in recordings("vertexai"):
        operation = DIALECT.recognise(recording.method, recording.path)
        if operation is not Operation.CHAT:
            continue
        asked = DIALECT.read(operation, recording.path, recording.request)
        assert asked.model == "claude-3-7-sonnet@20250219"
        assert asked.stream is (
            "text/event-stream" in (recording.headers.get("content-type") or "")
        )
        found = DIALECT.judge(operation, recording.status, recording.headers, recording.body, 0.0)
        assert not isinstance(found, Failure)
        assert found is not None, "they all say what they cost"
        read += 1
    assert read > 5


def test_a_stream_cut_before_its_end_is_broken_wherever_it_is_cut() -> None:
    for recording in streams():
        told = recording.body.find(b'"message_delta"')
        for part in (1, told // 3, told // 2, told):
            reader = DIALECT.reader(Operation.CHAT, recording.headers)
            assert reader is not None
            reader.feed(recording.body[:part])
            failure = reader.finish()
            assert failure is not None, (recording.id, part)
            assert failure.kind == "broken_stream"


def test_a_broken_text_is_gone_on_with_wherever_it_breaks() -> None:
    joined = 0
    for seed, recording in enumerate(streams()):
        for pieces in cuts(recording.body, seed):
            teller = DIALECT.teller(Operation.CHAT, recording.headers)
            assert teller is not None
            given = b""
            for piece in pieces[: len(pieces) // 2]:
                teller.feed(piece)
                given += piece
            if not teller.continuable or not teller.text:
                continue
            seam = DIALECT.seam(Operation.CHAT, recording.headers, teller.text, continues=False)
            assert seam is not None
            rest = seam.feed(recording.body) + seam.finish()
            assert seam.through
            assert given + rest == recording.body, recording.id
            joined += 1
    assert joined > 5
