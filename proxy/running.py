"""Word of a running proxy: the line that it says when it is ready, and the file that it leaves."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """What is running."""

    listen: str
    admin: str
    policies: int
    digest: str

    def __str__(self) -> str:
        return (
            f"understudy ready listen={self.listen} admin={self.admin} "
            f"policies={self.policies} digest={self.digest}"
        )


def running_file(state_dir: Path) -> Path:
    """Where a running proxy leaves word of its addresses, for `understudy status`."""
    return state_dir / "running.json"


def note(state_dir: Path, ready: Ready) -> None:
    """Leave word. A state folder that cannot be written costs `status` its default, no more."""
    word = {"pid": os.getpid(), "listen": ready.listen, "admin": ready.admin}
    with contextlib.suppress(OSError):
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        running_file(state_dir).write_text(json.dumps(word))


def forget(state_dir: Path) -> None:
    """Take back what this process left."""
    file = running_file(state_dir)
    with contextlib.suppress(OSError, ValueError):
        if json.loads(file.read_text())["pid"] == os.getpid():
            file.unlink()
