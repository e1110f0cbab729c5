"""How many connections there are, in all and from each address."""

from collections.abc import Callable

from proxy.capture.limits import RETRY_AFTER_S, SPARE, Limits
from proxy.capture.refused import Refused

_REASON = "too_many"
_COME_AGAIN = (("Retry-After", str(RETRY_AFTER_S)),)


class Seats:
    """Counts connections. Each that is taken is left once, also one that was refused."""

    __slots__ = ("_limits", "_of_clients", "_taken")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken = 0
        self._of_clients: dict[str, int] = {}

    def take(self, client: str) -> Callable[[], None]:
        """Count a connection from the address `client`; what comes back is called when it ends."""
        self._taken += 1
        self._of_clients[client] = self._of_clients.get(client, 0) + 1
        left = False

        def leave() -> None:
            nonlocal left
            if left:
                return
            left = True
            self._taken -= 1
            of_client = self._of_clients[client] - 1
            if of_client:
                self._of_clients[client] = of_client
            else:
                del self._of_clients[client]

        return leave

    def refusal(self, client: str) -> Refused | None:
        """Why the last connection from `client` is one too many; None where it is not."""
        limits = self._limits
        if self._taken > limits.connections:
            text = f"there are {limits.connections} connections already, which is all there may be"
        elif self._of_clients[client] > limits.per_client:
            text = f"{client} has {limits.per_client} connections already, which is all it may have"
        else:
            return None
        return Refused(503, text, _REASON, _COME_AGAIN)

    @property
    def overrun(self) -> bool:
        """Whether there is no room even to say so."""
        return self._taken > self._limits.connections + SPARE
