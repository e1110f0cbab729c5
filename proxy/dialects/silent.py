"""What a dialect says that makes no answers of its own: nothing can stand in for its providers.

It is relayed with all of resilience, and mock, local vectors and the like are passed over.
"""

from collections.abc import Sequence
from typing import NoReturn

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Question, Texts


class Silent:
    """The members of `proxy.dialects.dialect.Dialect` that make answers; all raise Unfit."""

    __slots__ = ()
    name: str

    def texts(self, body: bytes) -> Texts:
        self._unfit("reads no texts to make vectors of")

    def vectors(
        self, asked: Texts, vectors: Sequence[bytes], model: str, tokens: int, mark: str
    ) -> bytes:
        self._unfit("makes no answers of vectors")

    def question(self, operation: Operation, body: bytes) -> Question:
        self._unfit("makes no answers of words")

    def say(
        self, question: Question, text: str, *, answer_id: str, created_s: int, mark: str
    ) -> tuple[bytes, str]:
        self._unfit("makes no answers of words")

    def _unfit(self, what: str) -> NoReturn:
        raise Unfit(f"the dialect {self.name} {what}")
