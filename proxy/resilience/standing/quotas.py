"""Rate limits of one upstream: providers count by account and by model, and so is it here."""

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.resilience.standing.quota import Quota

MOST_ACCOUNTS = 1024
"""Of keys and models of one upstream. The one not asked for longest goes when there are more."""

_KEYS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_OURS = 0


class Caller:
    """On whose account a call is made: with the app's key at the upstream that the app calls, and
    with our own anywhere else. The key is known by a number that tells nothing of it."""

    __slots__ = ("_call", "_key")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._key: int | None = None  # seldom asked for: most upstreams tell of no limits

    def key_at(self, upstream: str) -> int:
        if self._call.upstream != upstream:
            return _OURS
        if self._key is None:
            self._key = hash(tuple(map(self._call.headers.get, _KEYS)))
        return self._key


_Account = tuple[int, str | None]
"""Whose limit: a key, and a model as the upstream calls it."""


class Quotas:
    """What is left of every limit that the upstream has told of. It outlives reloads."""

    __slots__ = ("_by_account", "_clock", "_upstream")

    def __init__(self, upstream: str, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._by_account: dict[_Account, Quota] = {}

    def known(self, caller: Caller, model: str | None) -> Quota | None:
        """What is left for one who asks for `model` here; None where nothing was told."""
        if not self._by_account:
            return None
        return self._by_account.get((caller.key_at(self._upstream), model))

    def of(self, caller: Caller, model: str | None) -> Quota:
        """The same, made when it is first asked for."""
        account = (caller.key_at(self._upstream), model)
        quota = self._by_account.pop(account, None)
        if quota is None:
            quota = Quota(self._clock)
            while len(self._by_account) >= MOST_ACCOUNTS:
                del self._by_account[next(iter(self._by_account))]
        self._by_account[account] = quota
        return quota

    def clear(self) -> None:
        """Forget what was told."""
        self._by_account.clear()

    @property
    def share(self) -> float:
        """0..1: what is left of the scarcest limit of all; 1 when nothing is known."""
        return min((quota.share for quota in self._by_account.values()), default=1.0)

    @property
    def spent_s(self) -> float | None:
        """Seconds until none is used up; None when none is now."""
        spent = [quota.spent_s for quota in self._by_account.values()]
        return max((wait_s for wait_s in spent if wait_s is not None), default=None)
