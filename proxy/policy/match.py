"""Which route governs a request, and why another does not."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.policy.snapshot import Route, Snapshot
from proxy.policy.words import listed


def find_route(
    snapshot: Snapshot, upstream: str, operation: Operation, model: str | None, headers: Headers
) -> Route | None:
    """The first route that fits; None: the upstream answers under its own settings."""
    for route in snapshot.routes:
        match = route.match
        if (
            (match.upstream is None or upstream in match.upstream)
            and (match.operation is None or operation in match.operation)
            and (match.model is None or match.model.match(model))
            and (not match.headers or _headers_fit(route, headers))
        ):
            return route
    return None


def _headers_fit(route: Route, headers: Headers) -> bool:
    return all(
        any(wanted.match(value) for value in headers.getall(name, []))
        for name, wanted in route.match.headers
    )


def why_not(
    route: Route, upstream: str, operation: Operation, model: str | None, headers: Headers
) -> str:
    """The first thing about a request that `route` does not want; empty when the route fits."""
    match = route.match
    if match.upstream is not None and upstream not in match.upstream:
        return f"upstream is {upstream}, wants {listed(sorted(match.upstream))}"
    if match.operation is not None and operation not in match.operation:
        return f"operation is {operation}, wants {listed(sorted(match.operation))}"
    if match.model is not None and not match.model.match(model):
        return f"model is {model or 'not known'}, wants {listed(match.model.words)}"
    for name, wanted in match.headers:
        values = headers.getall(name, [])
        if not any(wanted.match(value) for value in values):
            found = listed(values) if values else "absent"
            return f"header {name} is {found}, wants {listed(wanted.words)}"
    return ""
