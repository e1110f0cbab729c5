"""What a dialect says whose streams nobody can keep alive, or go on with when they break."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.dialect import Seam, Teller


class Unjoined:
    """The members of `proxy.dialects.dialect.Dialect` by which two streams become one: all say that
    it cannot be done."""

    __slots__ = ()

    @property
    def comment(self) -> bytes:
        return b""

    def error_in_stream(self, error: bytes) -> bytes:
        return b""

    def teller(self, operation: Operation, headers: Headers) -> Teller | None:
        return None

    def seam(
        self, operation: Operation, headers: Headers, said: str, *, continues: bool
    ) -> Seam | None:
        return None

    def prefilled(self, operation: Operation, body: bytes, said: str) -> bytes | None:
        return None
