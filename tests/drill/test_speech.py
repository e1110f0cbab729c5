"""What each family's provider says is what an application of that family understands."""

import orjson
import pytest

from proxy.core.call import Operation
from proxy.drill.app.named import tongue_of
from proxy.drill.speech.named import speech_of
from proxy.drill.speech.words import Answer, Trouble

TEXT = "Hello from a provider."
DIALECTS = ["openai", "anthropic", "gemini"]
BOTH_FORMS = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def _answer(dialect: str, operation: Operation, stream: bool) -> Answer:
    tongue, speech = tongue_of(dialect), speech_of(dialect)
    asking = tongue.ask(operation, tongue.model(operation), stream)
    return speech.answer(asking.path, orjson.loads(asking.body), TEXT)


@BOTH_FORMS
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_is_heard_whole_and_no_part_of_it_is(dialect: str, stream: bool) -> None:
    tongue = tongue_of(dialect)
    answer = _answer(dialect, Operation.CHAT, stream)
    assert answer.chunked is stream
    for count in range(len(answer.pieces) + 1):
        heard = tongue.hear(Operation.CHAT, stream, b"".join(answer.pieces[:count]))
        assert TEXT.startswith(heard.text)
        assert heard.finished is (count == len(answer.pieces))
        assert not heard.error
    assert heard.text == TEXT


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_first_piece_of_a_stream_says_nothing_and_the_second_a_word(dialect: str) -> None:
    tongue = tongue_of(dialect)
    answer = _answer(dialect, Operation.CHAT, stream=True)
    assert not tongue.hear(Operation.CHAT, True, answer.pieces[0]).text
    assert tongue.hear(Operation.CHAT, True, b"".join(answer.pieces[:2])).text == "Hello"


@pytest.mark.parametrize("dialect", [*DIALECTS, "raw"])
@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_is_heard_as_an_error(dialect: str, trouble: Trouble) -> None:
    speech, tongue = speech_of(dialect), tongue_of(dialect)
    operation = tongue.operations[0]
    heard = tongue.hear(operation, False, speech.error(trouble))
    assert heard.error
    assert not heard.finished
    assert speech.status(trouble) >= 400 or trouble is Trouble.CONTENT_FILTER


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_event_ends_a_stream_that_has_begun(dialect: str) -> None:
    begun = _answer(dialect, Operation.CHAT, stream=True).pieces[:2]
    event = speech_of(dialect).error_event(Trouble.OVERLOADED)
    heard = tongue_of(dialect).hear(Operation.CHAT, True, b"".join((*begun, event)))
    assert (heard.text, heard.finished) == ("Hello", False)
    assert "verloaded" in heard.error


@BOTH_FORMS
def test_completions_and_vectors_are_heard_too(stream: bool) -> None:
    tongue = tongue_of("openai")
    said = b"".join(_answer("openai", Operation.COMPLETIONS, stream).pieces)
    assert tongue.hear(Operation.COMPLETIONS, stream, said).text == TEXT
    vectors = b"".join(_answer("openai", Operation.EMBEDDINGS, False).pieces)
    assert tongue.hear(Operation.EMBEDDINGS, False, vectors).finished


_PREFILLED = {
    "openai": {"messages": [{"role": "user"}, {"role": "assistant", "content": "Hello from"}]},
    "anthropic": {
        "messages": [{"role": "assistant", "content": [{"type": "text", "text": "Hello from"}]}]
    },
    "gemini": {"contents": [{"role": "model", "parts": [{"text": "Hello from"}]}]},
}
_PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_conversation_that_ends_in_its_mouth_is_gone_on_with(dialect: str) -> None:
    speech, said = speech_of(dialect), _PREFILLED[dialect]
    assert speech.prefill(said) == "Hello from"
    body = b"".join(speech.answer(_PATHS[dialect], said, TEXT).pieces)
    assert tongue_of(dialect).hear(Operation.CHAT, False, body).text == " a provider."
