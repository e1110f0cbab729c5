"""Every place where a file's routes name an upstream, found even in routes that have mistakes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.policy.document import Document, KeyPath


@dataclass(frozen=True, slots=True)
class Mention:
    """An upstream's name, as one to match or as a target."""

    document: Document
    place: KeyPath
    name: str
    target: bool


def mentions(document: Document) -> Iterator[Mention]:
    routes = document.value.get("routes")
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        if not isinstance(route, dict):
            continue
        place: KeyPath = ("routes", index)
        match = route.get("match")
        if isinstance(match, dict):
            wanted = match.get("upstream")
            for name in _words(wanted, (*place, "match", "upstream")):
                yield Mention(document, *name, target=False)
        targets = route.get("targets")
        for number, target in enumerate(targets if isinstance(targets, list) else ()):
            named = target.get("upstream") if isinstance(target, dict) else target
            if isinstance(named, str):
                spot = (*place, "targets", number, "upstream")
                yield Mention(document, spot, named, target=True)


def _words(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    for index, word in enumerate(value if isinstance(value, list) else (value,)):
        if isinstance(word, str):
            yield (*place, index), word
