"""Policy files as they lie on the disk."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from proxy.policy.document import Source
from proxy.policy.parse import is_policy_file


class NoPolicy(Exception):
    """A path that was named holds no policy; the message says what was looked for."""


def read_sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """Every policy file that `paths` (files and folders) name, folders in order of file names.

    A folder's own files count, not its subfolders': that is how Kubernetes mounts a ConfigMap,
    whose files are links into a hidden folder that is swapped whole. Raises NoPolicy and OSError.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if is_policy_file(file.name))
            if not inside:
                raise NoPolicy(f"{path}: no policy file in this folder; it wants *.yaml or *.toml")
            files += inside
        elif path.exists():
            files.append(path)
        else:
            raise NoPolicy(f"{path}: there is no such file or folder; give one with --policies")
    return tuple(Source(str(file), _text(file)) for file in files)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")  # less the mark that some editors put first
    except UnicodeDecodeError as error:
        raise NoPolicy(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def watched(paths: Sequence[Path]) -> frozenset[Path]:
    """The folders in which a change of `paths` shows, as the links lead now.

    Where a path is named, where a link of that name lies, and where the files really are; of a
    folder that is gone, the nearest above it that is not.
    """
    folders = set()
    for path in paths:
        inside = path.is_dir()
        folders.add(path if inside and not path.is_symlink() else path.parent)
        folders.add(path if inside else _real(path).parent)
        if inside:
            folders.add(_real(path))
            folders |= {_real(file).parent for file in _in(path)}
    return frozenset(_nearest(folder.absolute()) for folder in folders)


def _real(path: Path) -> Path:
    """Where the links of `path` lead; unlike `Path.resolve`, no circle of links is an error."""
    return Path(os.path.realpath(path))


def _in(folder: Path) -> Iterable[Path]:
    try:
        return tuple(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # it went while we looked
        return ()


def _nearest(path: Path) -> Path:
    while not path.is_dir():
        path = path.parent
    return path
