"""Finds what to play under a policy: for each route a request that it really governs."""

import re
from collections.abc import Iterable, Iterator

from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.drill.app.named import tongue_of
from proxy.drill.subject import Subject
from proxy.policy.glob import Globs
from proxy.policy.match import find_route
from proxy.policy.snapshot import Route, Snapshot, Upstream

_SIGNS = re.compile(r"\[(!?)(.)[^\]]*\]|\?|\*")


def subjects(snapshot: Snapshot, *, has_local: bool) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """Every route and every upstream without one; and why some of them cannot be played.

    `has_local`: whether vectors can be made in this process.
    """
    found: list[Subject] = []
    notes: list[str] = []
    for route in snapshot.routes:
        subject = next(_fitting(snapshot, route, has_local), None)
        if subject is None:
            notes.append(f"{route.name}: not played: found no request that this route governs")
        elif not subject.providers:
            notes.append(f"{route.name}: not played: none of its targets is a provider to strike")
        else:
            found.append(subject)
    return (*found, *_alone(snapshot)), tuple(notes)


def _fitting(snapshot: Snapshot, route: Route, has_local: bool) -> Iterator[Subject]:
    """Requests that lead to `route`, the likeliest first."""
    fields = tuple((name, _example(wanted.words[0])) for name, wanted in route.match.headers)
    headers = CIMultiDict(fields)
    for called in _called(snapshot, route):
        tongue = tongue_of(snapshot.upstreams[called].dialect)
        for operation in tongue.operations:
            for model in _models(route.match.model, tongue.model(operation)):
                if find_route(snapshot, called, operation, model or None, headers) is route:
                    yield Subject(
                        snapshot, route, called, operation, model, fields, has_local=has_local
                    )


def _called(snapshot: Snapshot, route: Route) -> Iterable[str]:
    """The upstreams that the app may have called, the route's own targets first."""
    names = [target.upstream for target in route.targets if target.upstream is not None]
    return dict.fromkeys((*names, *snapshot.upstreams))


def _models(wanted: Globs | None, usual: str) -> Iterator[str]:
    yield usual
    if wanted is not None:
        yield from map(_example, wanted.words)


def _example(glob: str) -> str:
    """A text that `glob` matches: as short as can be."""

    def sign(found: re.Match[str]) -> str:
        if found[0] == "*":
            return ""
        if found[0] == "?" or found[1]:
            return "x"
        return found[2]

    return _SIGNS.sub(sign, glob)


def _alone(snapshot: Snapshot) -> Iterator[Subject]:
    """Upstreams that may answer by themselves; of those with the same settings, the first."""
    alike: dict[tuple[object, ...], list[Subject]] = {}
    mode = snapshot.mode
    for name, upstream in snapshot.upstreams.items():
        if mode is not None and mode.alone and upstream.tier not in mode.tiers:
            continue
        tongue = tongue_of(upstream.dialect)
        operation: Operation = tongue.operations[0]
        model = tongue.model(operation)
        if find_route(snapshot, name, operation, model or None, CIMultiDict()) is None:
            subject = Subject(snapshot, None, name, operation, model)
            alike.setdefault(_settings(upstream), []).append(subject)
    for first, *others in alike.values():
        names = tuple(other.called for other in others)
        yield Subject(snapshot, None, first.called, first.operation, first.model, alike=names)


def _settings(upstream: Upstream) -> tuple[object, ...]:
    """All that decides how it takes a fault."""
    return (
        upstream.dialect,
        upstream.timeout,
        upstream.retry,
        upstream.breaker,
        upstream.limit,
        upstream.health,
    )
