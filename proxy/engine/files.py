"""Policy files as they lie on the disk."""

from collections.abc import Sequence
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
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NoPolicy(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def watched(paths: Sequence[Path]) -> frozenset[Path]:
    """The folders in which a change of `paths` shows, as the links lead now.

    Where a path is named, where a link of that name lies, and where the files really are.
    """
    folders = set()
    for path in paths:
        folders.add(path.parent if path.is_symlink() or not path.is_dir() else path)
        if path.is_dir():
            folders.add(path)
            folders |= {file.resolve().parent for file in path.iterdir()}
        folders.add(path.resolve() if path.is_dir() else path.resolve().parent)
    return frozenset(folder.absolute() for folder in folders if folder.is_dir())
