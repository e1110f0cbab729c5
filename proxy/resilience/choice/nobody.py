"""Who answers where the policy leaves nobody to ask."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Nobody:
    """Fails every call with `why`. Nothing is sent anywhere."""

    why: str

    async def handle(self, call: Call) -> Reply:
        raise Failure(FailureKind.UNAVAILABLE, self.why, sent=False)
