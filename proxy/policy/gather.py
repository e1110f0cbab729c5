"""Several files become one policy set: what each thing is called, and where it was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from proxy.policy.complaint import Complaint
from proxy.policy.document import Document, KeyPath
from proxy.policy.mention import Mention, mentions
from proxy.policy.mode import Mode
from proxy.policy.parse import Parsed
from proxy.policy.passage import Passthrough
from proxy.policy.schema import (
    LOCAL,
    Backend,
    Defaults,
    OnPinning,
    PolicyFile,
    RouteSettings,
    UpstreamSettings,
)

_ONCE = (
    *("defaults", "backend", "mode"),
    *("passthrough", "connect_ports", "on_pinning", "replay_limit"),
)
"""Keys of the whole set, said in one of its files."""
_S = TypeVar("_S")


@dataclass(frozen=True, slots=True)
class Part(Generic[_S]):
    """An upstream or a route, and where it was written."""

    document: Document
    place: KeyPath
    name: str
    settings: _S

    def complain(self, wrong: str, right: str, *steps: str | int) -> Complaint:
        """A complaint about what stands at `steps` within this part."""
        return self.document.complain((*self.place, *steps), wrong, right)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The good parts of all files. `names` and `mentions` are of all parts, mistaken or not."""

    upstreams: dict[str, Part[UpstreamSettings]]
    routes: tuple[Part[RouteSettings], ...]
    names: frozenset[str]
    mentions: tuple[Mention, ...]
    defaults: Defaults
    backend: Backend
    mode: Mode | None
    passthrough: Passthrough | None
    connect_ports: frozenset[int]
    on_pinning: OnPinning
    replay_limit: int


def gather(files: Sequence[Parsed], complaints: list[Complaint]) -> PolicySet:
    """One set of `files`, in their order. What is said twice is complained of where it is again."""
    seen: dict[tuple[str, str], str] = {}
    for file in files:
        _once(file.document, seen, complaints)
    if files and not any("version" in file.document.value for file in files):
        right = "put 'version: 1' at its top"
        complaints.append(files[0].document.complain((), "no file says its version", right))
    upstreams: dict[str, Part[UpstreamSettings]] = {}
    for file in files:
        for name, settings in file.settings.upstreams.items():
            part = Part(file.document, ("upstreams", name), name, settings)
            upstreams.setdefault(name, part)
    routes = tuple(
        Part(file.document, ("routes", index), route.name, route)
        for file in files
        for index, route in zip(file.routes, file.settings.routes, strict=True)
    )
    said = {
        key: getattr(file.settings, key)
        for file in reversed(files)
        for key in _ONCE
        if key in file.settings.model_fields_set
    }
    whole = PolicyFile().model_copy(update=said)
    return PolicySet(
        upstreams=upstreams,
        routes=routes,
        names=frozenset(name for kind, name in seen if kind == "upstream"),
        mentions=tuple(one for file in files for one in mentions(file.document)),
        defaults=whole.defaults or Defaults(),
        backend=whole.backend or Backend(),
        mode=whole.mode,
        passthrough=whole.passthrough,
        connect_ports=frozenset(whole.connect_ports),
        on_pinning=whole.on_pinning,
        replay_limit=whole.replay_limit,
    )


def _once(
    document: Document, seen: dict[tuple[str, str], str], complaints: list[Complaint]
) -> None:
    """Complains of what was `seen` before, here or in a file before, and notes what is new."""

    def note(kind: str, name: str, place: KeyPath, right: str) -> None:
        before = seen.get((kind, name))
        if before is None:
            seen[kind, name] = f"{document.path}:{document.line(place)}"
        else:
            wrong = f"{kind} '{name}' is defined twice: it is also at {before}"
            complaints.append(document.complain(place, wrong, right, at_key=True))

    for key in _ONCE:
        if key in document.value:
            note("key", key, (key,), "keep it in one of the two files")
    upstreams = document.value.get("upstreams")
    for name in upstreams if isinstance(upstreams, dict) else ():
        place = ("upstreams", name)
        note("upstream", name, place, "give one of them another name")
        if name == LOCAL:
            wrong = f"'{LOCAL}' is the target that makes vectors in this process"
            complaints.append(
                document.complain(place, wrong, "give this upstream another name", at_key=True)
            )
    routes = document.value.get("routes")
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        if isinstance(route, dict) and isinstance(name := route.get("name"), str):
            note("route", name, ("routes", index, "name"), "give one of them another name")
