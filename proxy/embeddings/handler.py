"""The target `local`: answers requests for embeddings with vectors made in this process."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from multidict import CIMultiDict

from proxy.core.call import Call, Operation
from proxy.core.failure import Unfit
from proxy.core.reply import Reply, Source, Whole
from proxy.dialects.dialect import LONG_WORK_FLOATS, Dialect, Texts
from proxy.embeddings.encoder import Model
from proxy.embeddings.lanes import TARGET
from proxy.embeddings.model import LocalModel


@dataclass(frozen=True, slots=True)
class Encode:
    """Answers in the caller's dialect, marked as degraded where another model was asked for: its
    vectors cannot be compared with those of any other."""

    local: LocalModel
    dialect: Dialect = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        """Raises `Unfit` for what local vectors are no correct answer to, and what `Lanes`
        raise (limit, unavailable)."""
        if call.operation is not Operation.EMBEDDINGS:
            raise Unfit("local makes embeddings only", target=TARGET)
        if call.method != "POST" or call.rest is not None:
            raise Unfit("the request is not whole, or no request for vectors", target=TARGET)
        asked = self.dialect.texts(call.body)
        lanes = self.local.lanes
        model = await lanes.load()
        size = model.encoder.dimensions
        if asked.dimensions not in (None, size):
            raise Unfit(
                f"dimensions={asked.dimensions} was asked; {model.name} makes {size}: "
                f"leave `dimensions` out or ask for {size}",
                target=TARGET,
            )
        encoded = await lanes.encode(asked.texts)
        write = partial(
            self.dialect.vectors,
            asked,
            encoded.vectors,
            model.name,
            encoded.tokens,
            Source.LOCAL.value,
        )
        long = size * len(encoded.vectors) >= LONG_WORK_FLOATS
        body = await asyncio.to_thread(write) if long else write()
        headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
        return Reply(
            200,
            CIMultiDict(headers),
            Whole(body),
            source=Source.LOCAL,
            target=TARGET,
            degraded=_degraded(asked, model),
        )


def _degraded(asked: Texts, model: Model) -> str:
    """Fit for a header: printable ASCII. Empty when the app asked for this very model."""
    if asked.model.rpartition("/")[2].lower() == model.name.lower():
        return ""
    name = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in model.name)
    return f"another vector space: {name}, {model.encoder.dimensions} dimensions"
