"""Who is better left alone, for one call."""

from proxy.core.call import Call
from proxy.core.failure import Failure
from proxy.resilience.choice.target import Target
from proxy.resilience.standing.quotas import Caller


class Asides:
    """What speaks against asking targets now. Each is asked of once a call, when somebody wants to
    know: the answer may be the leave for a trial, which is for one call. Two targets of one
    upstream that ask for different models have rate limits of their own."""

    __slots__ = ("_caller", "_model", "_told")

    def __init__(self, call: Call) -> None:
        self._caller = Caller(call)
        self._model = call.model
        self._told: dict[tuple[str, str | None], Failure | None] = {}

    def against(self, target: Target) -> Failure | None:
        """Why others are better asked first, see `Standing.aside`."""
        standing = target.standing
        if standing is None:
            return None
        model = target.sends(self._model)
        asked_of = target.name, model
        if asked_of not in self._told:
            self._told[asked_of] = standing.aside(self._caller, model)
        return self._told[asked_of]

    def left(self, target: Target) -> float:
        """0..1: what is left of its rate limit for this call."""
        standing = target.standing
        if standing is None:
            return 1.0
        quota = standing.quotas.known(self._caller, target.sends(self._model))
        return 1.0 if quota is None else quota.share

    def known_against(self, target: Target) -> bool:
        """Whether something does, as far as somebody has wanted to know already."""
        return self._told.get((target.name, target.sends(self._model))) is not None


def is_shut(target: Target) -> bool:
    """Whether its breaker lets nobody through."""
    return target.standing is not None and target.standing.breaker.refusal() is not None
