"""Follows what text the app was given of a stream, so that somebody else could go on with it."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.coding import Coding, coding_of
from proxy.dialects.frames import Frames
from proxy.dialects.openai.piece import PIECES, Pieces
from proxy.dialects.openai.stream import STREAMED, is_stream

MOST_CHARACTERS = 2**20
"""Of the text that is kept for others: more than any model writes in one answer."""


def teller(operation: Operation, headers: Headers) -> "Teller | None":
    """Who follows the text of such an answer. None where it is no stream of text, or compressed:
    what somebody else says could not be put behind it."""
    if operation in STREAMED and is_stream(headers) and coding_of(headers) is Coding.PLAIN:
        return Teller()
    return None


class Teller:
    """See `proxy.dialects.dialect.Teller`."""

    __slots__ = ("_frames", "_only_text", "_piece_of", "_pieces", "_room")

    def __init__(self, pieces: Pieces = PIECES) -> None:
        self._piece_of = pieces.of
        self._frames = Frames()
        self._pieces: list[str] = []
        self._room = MOST_CHARACTERS
        self._only_text = True

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def continuable(self) -> bool:
        """False once anything but text and thinking was given, also a reason why the text ends."""
        return self._only_text and self._frames.idle and not self._frames.overflowed

    def feed(self, chunk: bytes) -> None:
        if not self._only_text:
            return
        for event in self._frames.feed(chunk):
            piece = self._piece_of(event.data)
            if piece is None:
                continue
            self._room -= len(piece.text)
            if piece.more or piece.finish or self._room < 0:
                self._only_text = False
                self._pieces.clear()
                return
            if piece.text:
                self._pieces.append(piece.text)
