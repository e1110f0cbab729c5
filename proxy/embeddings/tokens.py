"""Texts to token numbers."""

import os
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from proxy.embeddings.model_files import ModelUnusable

_CHARACTERS_A_TOKEN = 256
"""Of a text, so many are read for each token that the model takes; words have 4 to 6. The library
itself would first cut all of it into tokens, in 70 times the text's memory."""


class Tokens:
    """A model's tokenizer: special tokens added, cut at `max_tokens`, nothing padded."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        """Raises `ModelUnusable` when `path` is no tokenizer that marks where a text ends."""
        # The library's own threads would compete with the lanes, and it warns at a later fork. The
        # environment is its only switch.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        if not path.is_file():
            raise ModelUnusable(
                f"{path} is missing: tokenizers are read from tokenizer.json only (fast tokenizers)"
            )
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ModelUnusable(f"{path} cannot be read: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._most_characters = max_tokens * _CHARACTERS_A_TOKEN
        if not self._tokenizer.encode("").ids:
            raise ModelUnusable(
                f"{path} adds no special tokens: an empty text would have no tokens"
            )

    @property
    def vocabulary(self) -> int:
        """How many token numbers there are, from 0 on."""
        return self._tokenizer.get_vocab_size()

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """The token numbers of each text, at least one each. A lone surrogate, which is no
        character, counts as a question mark. Other threads can run meanwhile."""
        # `encode` would hold the interpreter's lock for over a second on a megabyte; a batch of one
        # does not.
        most = self._most_characters
        clean = [text[:most].encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]
