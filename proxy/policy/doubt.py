"""What a policy set may say and yet does nothing: told as warnings."""

from collections.abc import Iterator

from proxy.core.failure import FailureKind
from proxy.policy.complaint import Complaint
from proxy.policy.gather import Part, PolicySet
from proxy.policy.mode import Mode, Tier
from proxy.policy.schema import LOCAL, RouteSettings, UpstreamSettings

MOST_COMPARED = 100
"""Earlier routes that a route is held against: thousands are written by a program, which needs no
advice, and must be in force within a second all the same."""

SLOWNESS = FailureKind.TIMEOUT_FIRST_BYTE
"""What leads to a target that is asked because another has not begun to answer."""


def doubts(policies: PolicySet, mode: Mode | None) -> Iterator[Complaint]:
    """A warning for each key that is not used, each route that is never reached, and each that
    `mode` leaves without a target."""
    for upstream in policies.upstreams.values():
        yield from _unused_by_upstream(upstream)
        yield from _never_up(upstream)
        yield from _never_spoken(upstream)
    for index, route in enumerate(policies.routes):
        yield from _unused_by_route(route)
        if mode is not None and not _tiers(policies, route.settings) & set(mode.tiers):
            wrong = f"mode {mode} leaves route '{route.name}' nobody to ask"
            yield route.complain(wrong, f"its calls fail; add a target of tier {mode.tiers[0]}")
        if "on" in route.settings.targets[0].model_fields_set:
            wrong = "the first target has none before it whose failures could lead to it"
            yield route.complain(wrong, "its 'on' is not used", "targets", 0, "on")
        for earlier in policies.routes[: min(index, MOST_COMPARED)]:
            if _covers(earlier.settings, route.settings):
                where = f"{earlier.document.path}:{earlier.document.line(earlier.place)}"
                wrong = f"route '{route.name}' is never reached"
                right = f"route '{earlier.name}' at {where} takes all its requests first"
                yield route.complain(wrong, right, "name")
                break


def _unused_by_upstream(upstream: Part[UpstreamSettings]) -> Iterator[Complaint]:
    settings = upstream.settings
    pairs = (("breaker", "slow_rate", "slow_call"), ("health", "probe_path", "probe"))
    for block, key, wanted in pairs:
        written = getattr(settings, block).model_fields_set
        if key in written and wanted not in written:
            wrong = f"'{key}' says nothing without '{wanted}'"
            yield upstream.complain(wrong, f"write {wanted} too", block, key)


def _never_spoken(upstream: Part[UpstreamSettings]) -> Iterator[Complaint]:
    """Files for TLS, of an upstream that is not spoken TLS to."""
    if upstream.settings.url.startswith("http:"):
        for key in ("ca_file", "cert_file"):
            if getattr(upstream.settings, key) is not None:
                wrong = f"'{key}' is not used: the url is http"
                yield upstream.complain(wrong, "write an https url", key)


def _never_up(upstream: Part[UpstreamSettings]) -> Iterator[Complaint]:
    """Limits that another one ends first, where both were written here."""
    timeout, backoff = upstream.settings.timeout, upstream.settings.retry.backoff
    for key in ("connect", "first_byte", "idle"):
        if key in timeout.model_fields_set and getattr(timeout, key) > timeout.total:
            wrong = f"'{key}' is longer than total ({timeout.total:g} s), which ends it first"
            yield upstream.complain(wrong, "write less, or a longer total", "timeout", key)
    if "initial" in backoff.model_fields_set and backoff.initial > backoff.max:
        wrong = f"'initial' is longer than max ({backoff.max:g} s), which bounds it"
        yield upstream.complain(wrong, "write less", "retry", "backoff", "initial")


def _unused_by_route(route: Part[RouteSettings]) -> Iterator[Complaint]:
    settings = route.settings
    for key in ("hedge_after", "extra_calls"):
        if key in settings.model_fields_set and settings.strategy != "fastest":
            wrong = f"'{key}' is not used by the strategy {settings.strategy}"
            yield route.complain(wrong, "it is for the strategy fastest", key)
    for index, target in enumerate(settings.targets):
        if "weight" in target.model_fields_set and settings.strategy != "load_balanced":
            wrong = f"'weight' is not used by the strategy {settings.strategy}"
            right = "it is for the strategy load_balanced"
            yield route.complain(wrong, right, "targets", index, "weight")
        if index and settings.strategy == "fastest" and SLOWNESS not in target.on:
            wrong = f"'{target.upstream}' is never asked beside another: its 'on' lacks {SLOWNESS}"
            yield route.complain(wrong, f"add {SLOWNESS}, or timeout", "targets", index, "on")
    if len(settings.targets) == 1 and settings.mid_stream == "resume":
        wrong = "'resume' needs a second target to go on"
        yield route.complain(wrong, "add one, or hold", "mid_stream")
    if len(settings.targets) == 1 and settings.strategy != "sequential":
        wrong = f"the strategy {settings.strategy} has one target to choose from"
        yield route.complain(wrong, "add another, or take 'strategy' out", "strategy")


def _tiers(policies: PolicySet, settings: RouteSettings) -> set[Tier]:
    parts = policies.upstreams
    known = {LOCAL: Tier.DEVICE} | {name: part.settings.tier for name, part in parts.items()}
    return {known[target.upstream] for target in settings.targets if target.upstream in known}


def _covers(earlier: RouteSettings, later: RouteSettings) -> bool:
    """Whether every request of `later` is surely one of `earlier` too."""

    def wider(wide: tuple[str, ...] | None, narrow: tuple[str, ...] | None) -> bool:
        return wide is None or "*" in wide or (narrow is not None and set(narrow) <= set(wide))

    first, second = earlier.match, later.match
    values = {name.lower(): words for name, words in second.headers.items()}
    return (
        wider(first.upstream, second.upstream)
        and wider(first.operation, second.operation)
        and wider(first.model, second.model)
        and all(
            name.lower() in values and wider(words, values[name.lower()])
            for name, words in first.headers.items()
        )
    )
