"""Who may use the proxy: those who present its token, where it has one.

    POST /TOKEN/openai/v1/...                       base URL, the token as first part of the path
    Proxy-Authorization: Basic base64(any:TOKEN)    http://any:TOKEN@host:port as proxy URL
    Proxy-Authorization: Bearer TOKEN

Never by `Authorization`: that one is the app's, and goes to its provider.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from proxy.capture.refused import Refused
from proxy.core.headers import Headers

_PROXY_AUTHORIZATION = "Proxy-Authorization"
_NO_TOKEN = "no_token"
_WANTED = (
    "this proxy wants its --proxy-token, as HTTP_PROXY=http://understudy:TOKEN@HOST:PORT brings it"
    " (Proxy-Authorization), or in a base URL, http://HOST:PORT/TOKEN/<upstream>"
)
_AS_A_PROXY = (("Proxy-Authenticate", 'Basic realm="understudy"'),)
_AS_A_SERVER = (("WWW-Authenticate", 'Proxy-Token realm="understudy"'),)
"""RFC 9110 15.5.2 wants a challenge; one of a scheme that has browsers ask nobody for passwords."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who presents `token`; everybody where it is empty."""

    token: str = field(repr=False)

    def admit(self, method: str, target: str, headers: Headers) -> str:
        """The request target, without the token where that was a part of its path.

        Raises Refused: 407 to who calls us as a proxy, 401 to who calls us by a base URL.
        """
        if not self.token:
            return target
        as_a_server = method != "CONNECT" and target.startswith(("/", "*"))
        if as_a_server and (rest := self._behind(target)) is not None:
            return rest
        if any(map(self._presents, headers.getall(_PROXY_AUTHORIZATION, []))):
            return target
        if as_a_server:
            raise Refused(401, _WANTED, _NO_TOKEN, _AS_A_SERVER)
        raise Refused(407, _WANTED, _NO_TOKEN, _AS_A_PROXY)

    def _behind(self, target: str) -> str | None:
        """The target behind `/TOKEN`; None where it does not begin with that."""
        path, question, query = target.partition("?")
        first, _, rest = path[1:].partition("/")
        return f"/{rest}{question}{query}" if self._is(_bytes(first)) else None

    def _presents(self, credentials: str) -> bool:
        scheme, _, said = credentials.strip().partition(" ")
        match scheme.lower():
            case "bearer":
                return self._is(_bytes(said.strip()))
            case "basic":
                return self._is(_password(said.strip()))
        return False

    def _is(self, said: bytes) -> bool:
        """In a time that does not tell how much of it is right."""
        return hmac.compare_digest(said, self.token.encode())


def _password(said: str) -> bytes:
    """Of `base64(user:password)` (RFC 7617); empty where it is none."""
    try:
        return base64.b64decode(_bytes(said), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _bytes(text: str) -> bytes:
    """As they came: headers hold bytes that are no text as surrogates."""
    return text.encode("utf-8", "surrogateescape")
