from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from proxy.embeddings.model_files import ModelUnusable
from proxy.embeddings.tokens import Tokens


def test_nothing_is_padded_and_long_texts_are_cut(tiny: Path) -> None:
    made = Tokenizer.from_file(str(tiny / "tokenizer.json"))
    made.enable_padding(length=9)
    made.enable_truncation(3)
    made.save(str(tiny / "tokenizer.json"))
    tokens = Tokens(tiny / "tokenizer.json", max_tokens=5)
    assert tokens.numbers(["", "fox", "the fox the fox"]) == [[0, 1], [0, 3, 1], [0, 5, 3, 5, 1]]
    assert tokens.vocabulary == 8


def test_what_no_token_can_come_from_is_not_read(tiny: Path) -> None:
    """A book would be cut into a million tokens, at half a gigabyte, for the first 256 of them."""
    tokens = Tokens(tiny / "tokenizer.json", max_tokens=5)
    start = " ".join(["the fox"] * 200)
    assert tokens.numbers([start + " fox" * 1000]) == tokens.numbers([start])
    assert tokens.numbers([" " * 5 * 256 + "fox"]) == tokens.numbers([""])


def test_a_lone_surrogate_is_a_question_mark(tiny: Path) -> None:
    tokens = Tokens(tiny / "tokenizer.json", max_tokens=5)
    assert tokens.numbers(["\ud800"]) == tokens.numbers(["?"])


def test_a_tokenizer_without_special_tokens_is_refused(tmp_path: Path) -> None:
    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelUnusable, match="adds no special tokens"):
        Tokens(tmp_path / "tokenizer.json", 5)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ModelUnusable, match=r"tokenizer\.json is missing: tokenizers are read"):
        Tokens(path, 5)
    path.write_text("{}")
    with pytest.raises(ModelUnusable, match=r"tokenizer\.json cannot be read: "):
        Tokens(path, 5)
