"""Where one stream goes on with the text of another.

said so far     Hello wor
second stream   role | He | llo world | , how | are you?
passed on                       ld    | , how | are you?
"""

import orjson

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.frames import MOST_BLANK_BYTES, MOST_HELD_BYTES, Event, Frames, first_event
from proxy.dialects.objects import object_in
from proxy.dialects.openai.piece import PIECES, Piece, Pieces
from proxy.dialects.openai.teller import teller


def seam(operation: Operation, headers: Headers, said: str, *, continues: bool) -> "Seam | None":
    """Who joins such an answer to `said`; None where it is no stream of text, or compressed."""
    if teller(operation, headers) is None:
        return None
    return Seam(said, continues=continues)


SURELY_REPEATED = 12
"""Characters. A continuation that says by chance again what was said last is shorter."""


class Seam:
    """See `proxy.dialects.dialect.Seam`. `said` is the text that the app has; once it has some, it
    is not given any more thinking before the rest of it. An answer that `continues` says the rest
    alone; but a model that was thought to and begins anew all the same is noticed, where what it
    repeats is long enough (`SURELY_REPEATED`) to be no coincidence.

    Up to its place, events are taken apart: those without text are dropped (the role, thinking,
    what filters found, comments), and so are those that only repeat. The one in which the new text
    begins is cut. A tool call, a refusal or an end before that place is another answer.
    """

    __slots__ = (
        "_begun",
        "_held",
        "_kept",
        "_left",
        "_looked",
        "_may_continue",
        "_pieces",
        "diverged",
        "through",
    )

    def __init__(self, said: str, *, continues: bool, pieces: Pieces = PIECES) -> None:
        self._pieces = pieces
        self._may_continue = continues
        self._left = said  # what is still to be repeated
        if continues and len(said) < SURELY_REPEATED:
            self._left = ""
        self._kept = b""  # what seems to repeat, until it is known
        self._begun = bool(said)
        self._held = bytearray()
        self._looked = 0  # so much of what is held has no event's end
        self.through = False
        self.diverged = False

    def feed(self, chunk: bytes) -> bytes:
        if self.through:
            return chunk
        held = self._held
        held += chunk
        at, looked = 0, self._looked
        while not self.diverged and (end := first_event(held, looked)):
            given = self._take(bytes(held[at:end]))
            at = looked = end
            if given:
                self.through = True
                self._held = bytearray()
                return given + bytes(held[at:])
        del held[:at]
        self._looked = max(0, len(held) - MOST_BLANK_BYTES)
        if len(held) > MOST_HELD_BYTES:
            self._diverge()
        return b""

    def finish(self) -> bytes:
        given = b"" if self.through else self.feed(b"\n\n")  # an event may lack its blank line
        if not self.through and self._kept:
            self.through, given = True, self._kept
        self.diverged = not self.through
        return given

    def _take(self, block: bytes) -> bytes:
        """What of one event is to be given."""
        for event in Frames().feed(block):
            piece = self._pieces.of(event.data)
            if piece is None and event.data.startswith(b"[DONE]"):
                piece = Piece("", thinks=False, more=False, finish=True)
            if piece is not None:
                return self._choose(block, event, piece)
        return b""

    def _choose(self, block: bytes, event: Event, piece: Piece) -> bytes:
        left, text = self._left, piece.text
        telling = piece.more or piece.finish
        if left and text.startswith(left):
            self._left, self._kept = "", b""
            new = text[len(left) :]
            return self._cut(event, new) if new or telling else b""
        if left and left.startswith(text) and not telling:
            self._left = left[len(text) :]
            self._kept += block if text and self._may_continue else b""
            return b""
        if left and self._may_continue:
            self._left = ""
            return self._kept + block
        if left:
            self._diverge()
            return b""
        return block if text or telling or (piece.thinks and not self._begun) else b""

    def _diverge(self) -> None:
        self.diverged = True
        self._held = bytearray()

    def _cut(self, event: Event, text: str) -> bytes:
        """The event with `text` in place of its own."""
        document = object_in(event.data)
        assert document is not None  # a piece was found in it
        name = b"event: " + event.name + b"\n" if event.name else b""
        return name + b"data: " + orjson.dumps(self._pieces.with_text(document, text)) + b"\n\n"
