"""What no single key can know: names that lead nowhere, and settings that could never act."""

from collections.abc import Iterator

from proxy.core.call import Operation
from proxy.policy.complaint import Complaint, nearest
from proxy.policy.gather import Part, PolicySet
from proxy.policy.schema import LOCAL, RouteSettings, TargetSettings, UpstreamSettings
from proxy.policy.words import listed

_NOT_SET = {
    "model": "name the model by the target's own key 'model'",
    "stream": "an answer has the form that the app asked for",
}
_CACHEABLE = frozenset((Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS))
RAW = "raw"


def check(policies: PolicySet, unreadable: bool) -> Iterator[Complaint]:
    """Every complaint about how the parts fit together. With a file `unreadable`, unknown names
    are not complained of: they may be in it."""
    yield from _hosts(policies)
    if not unreadable:
        yield from _names(policies)
    for upstream in policies.upstreams.values():
        if upstream.settings.key_file and not upstream.settings.cert_file:
            wrong = "a key needs the certificate that it is for"
            yield upstream.complain(wrong, "name that too: cert_file", "key_file")
        if upstream.settings.dialect == RAW:
            yield from _raw_upstream(upstream)
    for route in policies.routes:
        yield from _targets(route, policies)
        yield from _cache(route)
        yield from _raw(route, policies)


def _raw_upstream(upstream: Part[UpstreamSettings]) -> Iterator[Complaint]:
    settings = upstream.settings
    if settings.models:
        yield upstream.complain(*_unread("has other names for models"), "models")
    if settings.prefill:
        yield upstream.complain(*_unread("has 'prefill'"), "prefill")
    if settings.timeout.tokens_per_second is not None:
        yield upstream.complain(*_unread("counts tokens"), "timeout", "tokens_per_second")
    if settings.health.probe is not None and settings.health.probe_path is None:
        wrong = f"dialect {RAW} has no list of models that could be asked for"
        yield upstream.complain(wrong, "name what to ask for: probe_path", "health", "probe")


def _hosts(policies: PolicySet) -> Iterator[Complaint]:
    claimed: dict[str, str] = {}
    for upstream in policies.upstreams.values():
        for index, host in enumerate(upstream.settings.hosts or ()):
            other = claimed.setdefault(host, upstream.name)
            if other != upstream.name or host in (upstream.settings.hosts or ())[:index]:
                wrong = f"the host '{host}' is claimed by upstream '{other}' already"
                yield upstream.complain(wrong, "a host leads to one upstream", "hosts", index)


def _names(policies: PolicySet) -> Iterator[Complaint]:
    for mention in policies.mentions:
        if mention.name in policies.names or (mention.target and mention.name == LOCAL):
            continue
        document, place = mention.document, mention.place
        right = nearest(mention.name, sorted(policies.names), "known upstreams")
        if not document.settled(place):
            wrong = f"unknown upstream {document.quoted(place, mention.name)}"
            yield document.complain(place, wrong, right)


def _targets(route: Part[RouteSettings], policies: PolicySet) -> Iterator[Complaint]:
    seen: list[TargetSettings] = []
    for index, target in enumerate(route.settings.targets):
        if target in seen:
            wrong = f"the target '{target.upstream}' stands here again, with the same settings"
            yield route.complain(wrong, "keep one of them", "targets", index)
        seen.append(target)
        for key in target.set:
            if key in _NOT_SET:
                wrong = f"'{key}' is not for a target to set"
                yield route.complain(wrong, _NOT_SET[key], "targets", index, "set", key)
        if target.upstream == LOCAL:
            yield from _local(route, target, index)
        else:
            yield from _dialect(route, target, index, policies)


def _local(route: Part[RouteSettings], target: TargetSettings, index: int) -> Iterator[Complaint]:
    asked = route.settings.match.operation
    if asked and Operation.EMBEDDINGS not in asked:
        wrong = f"'{LOCAL}' makes embeddings only, but this route is for {listed(asked)}"
        yield route.complain(wrong, "take it out", "targets", index)
    for key in ("model", "set", "max_retries"):
        if key in target.model_fields_set:
            wrong = f"'{LOCAL}' has one model and no settings of a call"
            yield route.complain(wrong, f"take '{key}' out; see 'backend'", "targets", index, key)


def _dialect(
    route: Part[RouteSettings], target: TargetSettings, index: int, policies: PolicySet
) -> Iterator[Complaint]:
    upstream = policies.upstreams.get(target.upstream)
    if upstream is None:
        return
    spoken = upstream.settings.dialect
    for caller in _called(route, policies):
        if caller.settings.dialect != spoken:
            wrong = (
                f"upstream '{target.upstream}' speaks {spoken}, but the calls of this route are "
                f"for '{caller.name}', which speaks {caller.settings.dialect}"
            )
            right = "name a target of the same dialect: requests are not translated"
            yield route.complain(wrong, right, "targets", index, "upstream")
            return
    for key in ("model", "set"):
        if spoken == RAW and key in target.model_fields_set:
            yield route.complain(*_unread(f"has '{key}'"), "targets", index, key)


def _cache(route: Part[RouteSettings]) -> Iterator[Complaint]:
    asked = route.settings.match.operation
    if route.settings.cache and asked and not _CACHEABLE & set(asked):
        wrong = f"answers for {listed(asked)} are never kept"
        yield route.complain(wrong, "take 'cache' out", "cache")


def _raw(route: Part[RouteSettings], policies: PolicySet) -> Iterator[Complaint]:
    """Of a route that is for raw upstreams only: what needs to read a body."""
    called = _called(route, policies)
    if not called or any(caller.settings.dialect != RAW for caller in called):
        return
    settings = route.settings
    if settings.match.operation and Operation.OTHER not in settings.match.operation:
        yield route.complain(*_unread("wants an operation"), "match", "operation")
    if settings.match.model and "*" not in settings.match.model:
        yield route.complain(*_unread("wants a model"), "match", "model")
    for index, target in enumerate(settings.targets):
        if target.upstream == LOCAL:
            yield route.complain(*_unread(f"has the target '{LOCAL}'"), "targets", index)
    if settings.mid_stream != "error":
        yield route.complain(*_unread("follows streams"), "mid_stream")
    if settings.cache:
        yield route.complain(*_unread("has a cache"), "cache")
    if settings.last_resort != "none":
        yield route.complain(*_unread("has a stand-in"), "last_resort")


def _unread(what: str) -> tuple[str, str]:
    return f"dialect {RAW} reads no bodies, but this {what}", "take it out, or name a dialect"


def _called(route: Part[RouteSettings], policies: PolicySet) -> list[Part[UpstreamSettings]]:
    """The upstreams that the app called when this route governs, as far as they are known."""
    names = route.settings.match.upstream or ()
    return [policies.upstreams[name] for name in names if name in policies.upstreams]
