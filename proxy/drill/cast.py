"""Providers in the place of a policy's upstreams: the same settings, other addresses and keys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import urlsplit

from proxy.core.clock import Clock
from proxy.drill.lot import Fated, Lot
from proxy.drill.server.presence import Presence
from proxy.drill.server.provider import Provider
from proxy.drill.speech.named import speech_of
from proxy.drill.subject import Subject
from proxy.policy.secret import Secret
from proxy.policy.snapshot import Snapshot, Upstream

TEXT = "Hello from a healthy provider."
"""What all of them say, so that one can go on where another ended."""

Cast = Mapping[str, Provider]
"""By the name of the upstream that each stands for."""


@asynccontextmanager
async def cast(
    subject: Subject, lot: Lot, presence: Presence, clock: Clock
) -> AsyncIterator[tuple[Cast, Snapshot]]:
    """A provider for each upstream that the subject has to do with, and the policy with them in it
    and nobody else. Who is struck from the start has that `presence`."""
    providers: dict[str, Provider] = {}
    try:
        for name, upstream in _upstreams(subject).items():
            provider = Provider(name, speech_of(upstream.dialect), clock)
            provider.text = TEXT
            provider.script = [Fated(lot, name)]
            providers[name] = provider
            await provider.open(presence if name == lot.struck else Presence.HERE)
        yield providers, _recast(subject, providers)
    finally:
        for provider in providers.values():
            await provider.close()


def _upstreams(subject: Subject) -> dict[str, Upstream]:
    names = (subject.called, *(seat.name for seat in subject.seats if seat.upstream is not None))
    return {name: subject.snapshot.upstreams[name] for name in names}


def _recast(subject: Subject, providers: Cast) -> Snapshot:
    upstreams = {
        name: _as(upstream, providers[name]) for name, upstream in _upstreams(subject).items()
    }
    route = subject.route
    if route is not None and route.match.upstream is not None:
        known = route.match.upstream & upstreams.keys()
        route = replace(route, match=replace(route.match, upstream=known))
    return replace(
        subject.snapshot,
        upstreams=MappingProxyType(upstreams),
        routes=() if route is None else (route,),
        hosts=MappingProxyType({}),
    )


def _as(upstream: Upstream, provider: Provider) -> Upstream:
    """At the provider's address, under its own path, with a key that is worth nothing."""
    key = Secret(f"sk-drill-{upstream.name}")
    keyed = upstream.api_key is not None or upstream.missing_key
    path = urlsplit(upstream.url).path.rstrip("/")
    return replace(
        upstream,
        url=f"{provider.url}{path}",
        api_key=key if keyed else None,
        missing_key="",
    )
