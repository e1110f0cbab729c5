"""Fills variables into a file's texts: `${NAME}`, `${NAME:-default}`, and `$${` for a plain `${`.

As in a shell, the default also stands in for an empty variable. Keys are left as they are. What
comes out is text; a number or duration in quotes is read like a bare one.
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.policy.complaint import Complaint
from proxy.policy.document import Document, KeyPath, Source, Tree

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NO_UNICODE = ("this text is no valid Unicode", "write or set it in UTF-8")


def fill_in(
    source: Source,
    tree: Tree,
    environ: Mapping[str, str],
    complaints: list[Complaint],
    warnings: list[Complaint],
) -> Document:
    """The document of a file whose value is a mapping."""
    raw: dict[KeyPath, str] = {}
    unset: dict[KeyPath, str] = {}
    refused = set(tree.refused)
    written = Document(source.path, tree, tree.value, raw, unset, tree.refused)

    def refuse(place: KeyPath, wrong: str, right: str) -> None:
        complaints.append(written.complain(place, wrong, right))
        refused.add(place)

    def fill(text: str, place: KeyPath) -> str | None:
        missing: list[str] = []
        filled, used = _fill(text, environ, missing)
        if used:
            raw[place] = text
        if filled is None:
            right = "write ${NAME} or ${NAME:-default}, or $${ for a plain ${"
            refuse(place, "'${' begins no variable here", right)
            return text
        if _SURROGATE.search(filled):
            refuse(place, *_NO_UNICODE)
            return ""
        match place:
            case ("upstreams", str(name), "api_key") if used and (missing or not filled.strip()):
                unset[place] = ", ".join(missing or _names(text))
                warnings.append(_without_key(written, place, name, unset[place]))
                return None
        for name in missing:
            right = f"set it, or write ${{{name}:-default}}"
            refuse(place, f"the environment variable {name} is not set", right)
        return filled

    def walk(value: Any, place: KeyPath) -> Any:
        if isinstance(value, str):
            return fill(value, place)
        if isinstance(value, dict):
            for key in filter(_SURROGATE.search, value):
                complaint = written.complain((*place, key), *_NO_UNICODE, at_key=True)
                complaints.append(complaint)
            good = {key: inner for key, inner in value.items() if not _SURROGATE.search(key)}
            return {key: walk(inner, (*place, key)) for key, inner in good.items()}
        if isinstance(value, list):
            return [walk(inner, (*place, index)) for index, inner in enumerate(value)]
        return value

    value = walk(tree.value, ())
    return Document(source.path, tree, value, raw, unset, frozenset(refused))


def _fill(text: str, environ: Mapping[str, str], missing: list[str]) -> tuple[str | None, bool]:
    """`text` with its variables filled in, None where it has a `${` that is none, and whether it
    has any. Adds the names of those without a value to `missing`."""
    if "${" not in text:
        return text, False
    strange = used = False

    def value(found: re.Match[str]) -> str:
        nonlocal strange, used
        if found[0] == "$${":
            return "${"
        name, default = found[1], found[2]
        strange = strange or name is None
        used = True
        if default is not None:
            return environ.get(name) or default
        if name not in environ:
            missing.append(name)
        return environ.get(name, "")

    filled = _VARIABLE.sub(value, text)
    return (None if strange else filled), used


def _names(text: str) -> list[str]:
    return [found[1] for found in _VARIABLE.finditer(text) if found[1]]


def _without_key(document: Document, place: KeyPath, name: str, missing: str) -> Complaint:
    verb = "are" if "," in missing else "is"
    return document.complain(
        place,
        f"upstream {name} has no api_key ({missing} {verb} not set)",
        "it is passed over as a fallback",
    )
