"""One file's text into its settings and its complaints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from proxy.policy.blame import blame
from proxy.policy.complaint import Complaint
from proxy.policy.document import Document, KeyPath, Source
from proxy.policy.environment import fill_in
from proxy.policy.schema import PolicyFile
from proxy.policy.toml_marks import read_toml
from proxy.policy.words import WRITTEN
from proxy.policy.yaml_marks import read_yaml

_YAML, _TOML = (".yaml", ".yml"), (".toml",)


def is_policy_file(name: str) -> bool:
    """Whether a file of this name in a folder of policies is one: not hidden, YAML or TOML."""
    return not name.startswith(".") and name.endswith(_YAML + _TOML)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What is good of a file. `routes` has the index that each good route has in the file."""

    document: Document
    settings: PolicyFile
    routes: tuple[int, ...]


def parse(
    source: Source,
    environ: Mapping[str, str],
    complaints: list[Complaint],
    warnings: list[Complaint],
) -> Parsed | None:
    """The good parts of a file, its mistakes added to `complaints`; None when it is unreadable."""
    read = read_toml if source.path.endswith(_TOML) else read_yaml
    tree = read(source, complaints)
    if tree is None:
        return None
    if not isinstance(tree.value, dict):
        wrong, right = "a policy file is a mapping", "begin it with 'version: 1'"
        complaints.append(Complaint(source.path, 1, 1, wrong, right))
        return None
    document = fill_in(source, tree, environ, complaints, warnings)
    bad: set[KeyPath] = set()
    try:
        PolicyFile.model_validate(document.value, context=WRITTEN)
    except ValidationError as error:
        complaints.extend(blame(document, error))
        bad = {_part(detail["loc"]) for detail in error.errors(include_url=False)}
    good, routes = _without(document.value, bad)
    return Parsed(document, PolicyFile.model_validate(good, context=WRITTEN), routes)


def _part(place: KeyPath) -> KeyPath:
    """The upstream, the route or the whole key that a mistake spoils."""
    return place[:2] if place[0] in ("upstreams", "routes") else place[:1]


def _without(value: Mapping[str, Any], bad: set[KeyPath]) -> tuple[dict[str, Any], tuple[int, ...]]:
    good = {key: part for key, part in value.items() if (key,) not in bad}
    if isinstance(upstreams := good.get("upstreams"), dict):
        good["upstreams"] = {
            name: part for name, part in upstreams.items() if ("upstreams", name) not in bad
        }
    kept: tuple[int, ...] = ()
    if isinstance(routes := good.get("routes"), list):
        kept = tuple(index for index in range(len(routes)) if ("routes", index) not in bad)
        good["routes"] = [routes[index] for index in kept]
    return good, kept
