"""The handler that answers when nothing else can."""

import asyncio
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.core.call import Call, Operation
from proxy.core.clock import Clock
from proxy.core.failure import Unfit
from proxy.core.reply import Reply, Source, Whole
from proxy.dialects.dialect import LONG_WORK_FLOATS, Dialect, Texts
from proxy.mock.text import stand_in_text
from proxy.mock.vectors import length_wanted, sign_vectors

TARGET = "mock"


@dataclass(frozen=True, slots=True)
class Mock:
    """Answers chat, completions and embeddings in the caller's dialect, marked in header and body.

    A stream that was asked for comes as one chunk that holds all its events.
    """

    dialect: Dialect = field(repr=False)
    clock: Clock = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        """Raises `Unfit`, with the reason, where no stand-in would be a correct answer."""
        if call.method != "POST" or call.rest is not None:
            raise Unfit("a stand-in answers no request that may change something, or is not whole")
        match call.operation:
            case Operation.CHAT | Operation.COMPLETIONS:
                body, content_type = self._say(call)
            case Operation.EMBEDDINGS:
                body, content_type = await self._embed(call), "application/json"
            case _:
                raise Unfit(f"there is no stand-in for operation {call.operation.value}")
        headers = CIMultiDict((("Content-Type", content_type), ("Content-Length", str(len(body)))))
        return Reply(
            200,
            headers,
            Whole(body),
            source=Source.MOCK,
            target=TARGET,
            degraded="mock answer",
        )

    def _say(self, call: Call) -> tuple[bytes, str]:
        return self.dialect.say(
            self.dialect.question(call.operation, call.body),
            stand_in_text(call.upstream),
            answer_id=call.id,
            created_s=int(self.clock.wall()),
            mark=Source.MOCK.value,
        )

    async def _embed(self, call: Call) -> bytes:
        asked = self.dialect.texts(call.body)
        length = length_wanted(asked)
        if length * len(asked.texts) >= LONG_WORK_FLOATS:
            return await asyncio.to_thread(self._vectors, asked, length)
        return self._vectors(asked, length)

    def _vectors(self, asked: Texts, length: int) -> bytes:
        vectors = sign_vectors(asked.texts, length)
        return self.dialect.vectors(asked, vectors, asked.model, 0, Source.MOCK.value)
