"""A model beside the event loop: loaded once, shared by all requests, bounded.

    encode --> load (once, in a thread) --> tokens (in a thread) --> Line
                                                                      | take, on the loop
                                 vectors <-- Job <-- lanes: Encoder.encode, one thread each

All state is touched on the event loop only; threads run functions that know nothing of it.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from proxy.core.clock import Clock
from proxy.core.event import ModelLoaded
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.embeddings.encoder import Model, cores
from proxy.embeddings.line import Job, Line, Piece
from proxy.embeddings.loading import load_model
from proxy.embeddings.model_files import ModelUnusable
from proxy.policy.schema import LOCAL

TARGET = LOCAL
MOST_TEXTS = 4096
"""Texts in work or waiting, over all requests: two of the largest that OpenAI allows, about half a
minute of work on two cores. Whoever comes later is better served elsewhere."""
_TRY_AGAIN_S = 30.0
"""A model that could not be loaded is not tried for every request; installing one takes longer."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One vector a text, in order, as little-endian float32; and how many tokens were read."""

    vectors: Sequence[bytes]
    tokens: int


@dataclass(frozen=True, slots=True)
class _Trouble:
    message: str
    until: float


class Lanes:
    """The model that `name` stands for, loaded when first needed, and the threads that work with
    it. Belongs to one event loop; threads and memory go when the last who knows it has gone."""

    def __init__(
        self, name: str, clock: Clock, hear: Hear, read: Callable[[str], Model] = load_model
    ) -> None:
        """`read` runs in a thread; it raises `ModelUnusable`."""
        self.name = name
        self._clock = clock
        self._hear = hear
        self._read = read
        # One more than there can be lanes: texts are read while all lanes are busy.
        self._pool = ThreadPoolExecutor(cores() + 1, thread_name_prefix="vectors")
        self._model: Model | None = None
        self._loading: Future[Model] | None = None
        self._trouble: _Trouble | None = None
        self._line = Line()
        self._texts = 0
        self._busy_lanes = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"Lanes({self.name!r})"

    @property
    def model(self) -> Model | None:
        """The model if it is in memory."""
        return self._model

    @property
    def error(self) -> str | None:
        """Why it could not be loaded, when that was tried last."""
        return self._trouble.message if self._trouble is not None else None

    @property
    def texts(self) -> int:
        """How many texts are in work or waiting."""
        return self._texts

    async def load(self) -> Model:
        """The model in memory. Raises `Failure` (unavailable) with what is wrong, and for 30 s
        again without another try."""
        self._refuse_if_closed()
        if self._model is not None:
            return self._model
        if self._loading is None:
            if self._trouble is not None and self._clock.now() < self._trouble.until:
                raise _unavailable(self._trouble.message)
            loop = asyncio.get_running_loop()
            self._loading = loop.run_in_executor(self._pool, self._read, self.name)
            self._loading.add_done_callback(partial(self._loaded, self._clock.now()))
        try:
            return await asyncio.shield(self._loading)
        except ModelUnusable as error:
            raise _unavailable(str(error)) from error

    def _loaded(self, began: float, loading: Future[Model]) -> None:
        self._loading = None
        duration_s = self._clock.now() - began
        error = loading.exception()
        if error is None:
            self._model = model = loading.result()
            self._trouble = None
            event = ModelLoaded(model.name, model.encoder.backend, duration_s)
        else:
            if isinstance(error, ModelUnusable):
                self._trouble = _Trouble(str(error), self._clock.now() + _TRY_AGAIN_S)
            event = ModelLoaded(self.name, "", duration_s, str(error) or repr(error))
        self._hear(event, None)

    async def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of `texts`. Raises `Failure`: limit when too much waits already, unavailable when
        the model cannot be loaded or the program is stopping. When cancelled, what has not begun is
        never done."""
        if self._texts + len(texts) > MOST_TEXTS:
            raise Failure(
                FailureKind.LIMIT,
                f"local embeddings: {self._texts} texts are waiting, and with {len(texts)} more "
                f"they would exceed {MOST_TEXTS}; ask again later, or for fewer at once",
                target=TARGET,
                sent=False,
            )
        self._texts += len(texts)
        try:
            model = await self.load()
            if not texts:
                return Encoded((), 0)
            loop = asyncio.get_running_loop()
            numbers = await loop.run_in_executor(self._pool, model.tokens.numbers, texts)
            self._refuse_if_closed()
            job = Job(numbers, loop.create_future())
            self._line.add(job)
            self._assign(model)
            await job.done
            return Encoded(job.vectors, sum(map(len, numbers)))
        finally:
            self._texts -= len(texts)

    def _assign(self, model: Model) -> None:
        """Gives every idle lane a batch, as long as there are any."""
        loop, encoder = asyncio.get_running_loop(), model.encoder
        while self._busy_lanes < encoder.lanes and not self._closed:
            batch = self._line.take(encoder.lanes, encoder.batch_tokens)
            if not batch:
                return
            self._busy_lanes += 1
            numbers = [piece.numbers for piece in batch]
            encoding = loop.run_in_executor(self._pool, encoder.encode, numbers)
            encoding.add_done_callback(partial(self._encoded, model, batch))

    def _encoded(self, model: Model, batch: Sequence[Piece], encoding: Future[list[bytes]]) -> None:
        self._busy_lanes -= 1
        error = encoding.exception()
        if error is None:
            for piece, vector in zip(batch, encoding.result(), strict=True):
                piece.job.put(piece.index, vector)
        else:
            for piece in batch:
                piece.job.fail(error)
        self._assign(model)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise _unavailable("local embeddings: the program is stopping")

    async def close(self) -> None:
        """Ends what waits with a Failure, and returns when the threads have ended: within a batch,
        a fraction of a second. Harmless when done twice."""
        self._closed = True
        self._line.clear(_unavailable("local embeddings: the program is stopping"))
        await asyncio.to_thread(self._pool.shutdown)


def _unavailable(message: str) -> Failure:
    return Failure(FailureKind.UNAVAILABLE, message, target=TARGET, sent=False)
