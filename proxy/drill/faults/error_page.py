"""502 from something in front of the provider: a page, and no JSON."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>\r\n"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    async def play(self, turn: Turn) -> None:
        await turn.answer(502, _PAGE, ("Content-Type", "text/html; charset=UTF-8"))
