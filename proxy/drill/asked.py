"""Whether the providers of a play were asked as the policy, and they themselves, allow."""

from collections.abc import Iterator
from itertools import pairwise

from proxy.dialects.credentials import CREDENTIALS
from proxy.drill.play import Play, Played


def complaints(play: Play, played: Played) -> Iterator[str]:
    """What was wrong with the requests that came to them."""
    yield from _too_many(play, played)
    yield from _hasty(play, played)
    yield from _leaks(play, played)


def _too_many(play: Play, played: Played) -> Iterator[str]:
    """Requests beyond what the policy lets one call make of a target."""
    route = play.subject.route
    for seat in play.subject.providers:
        allowed = seat.attempts * len(played.calls) + played.primed
        if route is not None and route.mid_stream == "resume":
            allowed *= 2  # by a prefill first, and then without
        if (count := sum(call.asked[seat.name] for call in played.calls)) > allowed:
            yield f"{seat.name} got {count} requests, and the policy allows {allowed}"


def _hasty(play: Play, played: Played) -> Iterator[str]:
    """Requests that came within one call before the provider wanted them."""
    struck, wait_s = played.struck, play.scenario.wait_s
    if struck is None or not wait_s:
        return
    times = [request.came_at for request in played.requests[struck.name]]
    for call in reversed(played.calls):
        count = call.asked[struck.name]
        mine, times = times[len(times) - count :], times[: len(times) - count]
        for before, after in pairwise(mine):
            if round(after - before, 3) < wait_s:
                told = f"came after {after - before:g} s, and {wait_s:g} s were wanted"
                yield f"another request to {struck.name} {told}"


def _leaks(play: Play, played: Played) -> Iterator[str]:
    """The app's key belongs to the upstream that it called, and to nobody else."""
    subject = play.subject
    asking = subject.asking(stream=play.stream)
    keys = {value for name, value in asking.fields if name.lower() in CREDENTIALS}
    for name, requests in played.requests.items():
        sent = {value for request in requests for _, value in request.fields}
        if name != subject.called and keys & sent:
            yield f"{name} was given the app's key"
