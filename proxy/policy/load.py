"""Policy files in, the snapshot in force out."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from proxy.policy.check import check
from proxy.policy.complaint import Complaint, PolicyError
from proxy.policy.digest import digest
from proxy.policy.document import Source
from proxy.policy.doubt import doubts
from proxy.policy.gather import Part, PolicySet, gather
from proxy.policy.glob import globs
from proxy.policy.mode import VARIABLE, Mode, Tier, arranged, chosen
from proxy.policy.parse import parse
from proxy.policy.schema import (
    LOCAL,
    Cache,
    Defaults,
    MatchSettings,
    RouteSettings,
    Settings,
    TargetSettings,
    UpstreamSettings,
)
from proxy.policy.snapshot import Match, Route, Snapshot, Target, Upstream
from proxy.policy.tls import Look, Tls, TlsFiles, unseen
from proxy.policy.words import host_of

_M = TypeVar("_M", bound=Settings)


def load(sources: Sequence[Source], environ: Mapping[str, str], look: Look = unseen) -> Snapshot:
    """The policy set that `sources` make together, in the order of their paths. Files for TLS that
    they name are shown to `look`.

    Raises PolicyError with every complaint about every file, and nothing else.
    """
    complaints: list[Complaint] = []
    warnings: list[Complaint] = []
    ordered = sorted(sources, key=lambda source: source.path)
    parsed = [parse(source, environ, complaints, warnings) for source in ordered]
    files = [file for file in parsed if file is not None]
    policies = gather(files, complaints)
    complaints.extend(check(policies, unreadable=len(files) < len(parsed)))
    tls = {name: _tls(part, look, complaints) for name, part in policies.upstreams.items()}
    mode = policies.mode
    try:
        mode = chosen(policies.mode, environ)
    except ValueError as error:
        complaints.append(Complaint("environment", 1, 1, str(error), f"or leave {VARIABLE} unset"))
    warnings.extend(doubts(policies, mode))
    if not sources:
        right = "give a .yaml, .yml or .toml file, or a folder that has one"
        complaints.append(Complaint("policies", 1, 1, "there is no policy file", right))
    if complaints:
        raise PolicyError(complaints)
    return _snapshot(policies, mode, tls, tuple(source.path for source in ordered), warnings)


def _tls(part: Part[UpstreamSettings], look: Look, complaints: list[Complaint]) -> Tls | None:
    """The files that an upstream names for TLS, looked at; None where it names none."""
    own = part.settings
    files = TlsFiles(own.ca_file, own.cert_file, own.key_file)
    if not any((files.ca_file, files.cert_file)):  # a key alone was complained of
        return None
    seen = look(files.beside(part.document.path))
    if isinstance(seen, Tls):
        return seen
    complaints.extend(part.complain(wrong, right, key) for key, wrong, right in seen)
    return None


def _snapshot(
    policies: PolicySet,
    mode: Mode | None,
    tls: Mapping[str, Tls | None],
    files: tuple[str, ...],
    warnings: Sequence[Complaint],
) -> Snapshot:
    upstreams = {
        name: _upstream(part, policies.defaults, tls[name])
        for name, part in policies.upstreams.items()
    }
    tiers = {name: upstream.tier for name, upstream in upstreams.items()} | {LOCAL: Tier.DEVICE}
    routes = tuple(_route(part.settings, mode, tiers) for part in policies.routes)
    hosts = _hosts(policies)
    strangers = (policies.passthrough, policies.connect_ports, policies.on_pinning)
    said = (upstreams, routes, hosts, mode, policies.backend, policies.replay_limit)
    return Snapshot(
        digest=digest(*said, *strangers),
        files=files,
        upstreams=MappingProxyType(upstreams),
        routes=routes,
        hosts=MappingProxyType(hosts),
        mode=mode,
        passthrough=policies.passthrough,
        connect_ports=policies.connect_ports,
        on_pinning=policies.on_pinning,
        replay_limit=policies.replay_limit,
        backend=policies.backend,
        warnings=tuple(str(warning) for warning in sorted(set(warnings))),
    )


def _upstream(part: Part[UpstreamSettings], defaults: Defaults, tls: Tls | None) -> Upstream:
    own = part.settings
    return Upstream(
        name=part.name,
        dialect=own.dialect,
        url=own.url,
        hosts=own.hosts or (host_of(own.url),),
        api_key=own.api_key,
        missing_key=part.document.unset.get((*part.place, "api_key"), ""),
        headers=MappingProxyType(dict(own.headers)),
        models=MappingProxyType(dict(own.models)),
        timeout=overlay(own.timeout, defaults.timeout),
        retry=overlay(own.retry, defaults.retry),
        breaker=overlay(own.breaker, defaults.breaker),
        limit=overlay(own.limit, defaults.limit),
        health=overlay(own.health, defaults.health),
        tier=own.tier,
        prefill=own.prefill,
        tls=tls,
    )


def overlay(own: _M, defaults: _M) -> _M:
    """`own` with the keys that were not written in it taken from `defaults`, at every depth."""
    changes = {}
    for name in type(own).model_fields:
        mine, theirs = getattr(own, name), getattr(defaults, name)
        if name not in own.model_fields_set:
            changes[name] = theirs
        elif isinstance(mine, Settings):
            changes[name] = overlay(mine, theirs)
    return own.model_copy(update=changes)


def _route(settings: RouteSettings, mode: Mode | None, tiers: Mapping[str, Tier]) -> Route:
    written = tuple(_target(target) for target in settings.targets)
    alone = mode is not None and mode.alone
    return Route(
        name=settings.name,
        match=_match(settings.match),
        strategy=settings.strategy,
        targets=arranged(mode, written, lambda target: tiers[target.name]),
        cache=_never_stale(settings.cache) if alone else settings.cache,
        last_resort="none" if alone else settings.last_resort,
        deadline=settings.deadline,
        hedge_after=settings.hedge_after,
        extra_calls=settings.extra_calls,
        when_all_open=settings.when_all_open,
        mid_stream=settings.mid_stream,
    )


def _never_stale(cache: Cache | None) -> Cache | None:
    return cache.model_copy(update={"stale_if_error": 0.0}) if cache is not None else None


def _match(settings: MatchSettings) -> Match:
    return Match(
        upstream=frozenset(settings.upstream) if settings.upstream else None,
        operation=settings.operation,
        model=globs(settings.model) if settings.model else None,
        headers=tuple((name.lower(), globs(words)) for name, words in settings.headers.items()),
    )


def _target(settings: TargetSettings) -> Target:
    local = settings.upstream == LOCAL
    return Target(
        upstream=None if local else settings.upstream,
        local=local,
        model=settings.model,
        set=MappingProxyType(dict(settings.set)),
        on=settings.on,
        max_retries=settings.max_retries,
        weight=settings.weight,
    )


def _hosts(policies: PolicySet) -> dict[str, str]:
    """Hosts to upstreams: those written under `hosts` first, then the first whose url has it."""
    hosts = {
        host: part.name
        for part in policies.upstreams.values()
        for host in part.settings.hosts or ()
    }
    for part in policies.upstreams.values():
        if part.settings.hosts is None:
            hosts.setdefault(host_of(part.settings.url), part.name)
    return hosts
