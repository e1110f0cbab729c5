"""Says what would become of a request: the compiled tree itself, printed.

There is no second description of a plan: every layer is a dataclass, and its fields are its words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from proxy.core.call import Operation
from proxy.core.event import PASSTHROUGH
from proxy.core.failure import ELSEWHERE
from proxy.core.headers import Headers
from proxy.engine.compile import Program
from proxy.policy.match import why_not
from proxy.resilience.attempt.guard import Guard
from proxy.resilience.attempt.limited import Limited
from proxy.resilience.standing.state import Standing


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a request is taken for and what is done with it. `plan` is the tree, outermost first."""

    upstream: str
    dialect: str
    operation: Operation
    model: str | None
    stream: bool
    route: str
    why_not: tuple[tuple[str, str], ...]
    plan: Mapping[str, Any]


def explain(
    program: Program, upstream: str, path: str, method: str, headers: Headers, body: bytes
) -> Explanation:
    """Of a request to a known upstream; `path` is relative to its url."""
    dialect = program.dialects[upstream]
    operation = dialect.recognise(method, path)
    asked = dialect.read(operation, path, body)
    observe = program.plan(upstream, operation, asked.model, headers)
    others = tuple(
        (
            route.name,
            why_not(route, upstream, operation, asked.model, headers)
            or f"{observe.route} comes before it",
        )
        for route in program.snapshot.routes
        if route.name != observe.route
    )
    return Explanation(
        upstream=upstream,
        dialect=dialect.name,
        operation=operation,
        model=asked.model,
        stream=asked.stream,
        route=observe.route,
        why_not=others,
        plan=node(observe),
    )


def explain_passthrough(program: Program, host: str) -> Explanation:
    """Of a request to a host of no upstream, where that is allowed."""
    return Explanation(
        upstream=host,
        dialect="raw",
        operation=Operation.OTHER,
        model=None,
        stream=False,
        route=program.passthrough.route,
        why_not=(),
        plan=node(program.passthrough),
    )


def explain_tunnel(host: str, port: int, rule: str) -> Explanation:
    """Of a request within TLS to a host of no upstream, where that is allowed: nobody reads it.
    `rule` says where it may not lead."""
    return Explanation(
        upstream=host,
        dialect="raw",
        operation=Operation.OTHER,
        model=None,
        stream=False,
        route=PASSTHROUGH,
        why_not=(),
        plan={"layer": "Tunnel", "port": port, "rule": rule},
    )


def node(handler: object) -> dict[str, Any]:
    """A handler as plain data: its layer's name, its settings, and what is inside of it."""
    shown: dict[str, Any] = {"layer": type(handler).__name__}
    if not is_dataclass(handler):
        return shown
    for field in fields(handler):
        value = getattr(handler, field.name)
        if field.repr:
            shown |= _shown(field.name, value)
        if isinstance(value, Standing) and (part := _OF_STANDING.get(type(handler))):
            shown |= {part: _plain(getattr(value, part).settings)}
    return shown


_OF_STANDING: Mapping[type, str] = {Guard: "breaker", Limited: "places"}
"""What of an upstream's standing a layer goes by: its settings are those in force."""


def _shown(name: str, value: Any) -> dict[str, Any]:
    if hasattr(value, "handle"):
        return {name: node(value)}
    if name == "targets":
        return {name: [node(target) for target in value]}
    plain = _plain(value)
    return {} if plain in ("", None, {}) else {name: plain}


def _plain(value: Any) -> Any:
    """A setting as JSON can hold it; of a part with a name, that name."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, frozenset):
        return "default" if value == ELSEWHERE else sorted(str(word) for word in value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, str | int | float | bool | None):
        return value
    return getattr(value, "name", None)


def lines(tree: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """The tree for a person: a line a layer, what is inside of it indented."""
    inside = [(k, v) for k, v in tree.items() if isinstance(v, dict) and "layer" in v]
    several = [(k, v) for k, v in tree.items() if isinstance(v, list) and v and _layer(v[0])]
    words = " ".join(
        f"{name}={_word(value)}"
        for name, value in tree.items()
        if name != "layer" and (name, value) not in inside and (name, value) not in several
    )
    yield f"{'  ' * depth}{tree['layer']}{' ' if words else ''}{words}"
    for _, members in several:
        for member in members:
            yield from lines(member, depth + 1)
    for _, member in inside:
        yield from lines(member, depth + 1)


def _layer(value: object) -> bool:
    return isinstance(value, dict) and "layer" in value


def _word(value: Any) -> str:
    if isinstance(value, dict):
        said = [f"{name}: {_word(inner)}" for name, inner in value.items() if inner is not None]
        return "{" + ", ".join(said) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_word(inner) for inner in value) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
