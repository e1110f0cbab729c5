"""How the program of each language is started: copied, or compiled once, into a folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
MODULES = Path(sys.prefix) / "node" / "node_modules"
BUILD_S = 120


def what_lacks(program: str, package: str) -> str:
    """Why it cannot be run here; empty where it can."""
    suffix = Path(program).suffix
    if suffix == ".py":
        return "" if _is_installed(package) else f"no {package} is installed"
    if suffix == ".mjs" and package and not (MODULES / package).is_dir():
        return f"no npm package {package} is installed"
    tools = {".mjs": "node --version", ".go": "go version", ".java": "javac --version"}
    tool = tools.get(suffix) or f"{package} --version"
    return "" if _runs(tool) else f"there is no {tool.partition(' ')[0]} here"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # what it would be within
        return False


@cache
def _runs(command: str) -> bool:
    """Also where the system has a stand-in of that name, which says how to install it."""
    words = command.split()
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, capture_output=True, timeout=30, check=False).returncode == 0


class Workshop:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commands: dict[str, list[str]] = {}

    def command(self, program: str) -> list[str]:
        if program not in self._commands:
            self._commands[program] = self._made(HERE / program)
        return self._commands[program]

    def _made(self, source: Path) -> list[str]:
        match source.suffix:
            case ".py":
                return [sys.executable, str(source)]
            case ".sh":
                return ["sh", str(source)]
            case ".mjs":
                return ["node", str(self._beside_modules(source))]
            case ".go":
                built = self._folder / source.stem
                off = {"GO111MODULE": "off", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
                _run("go", "build", "-o", str(built), str(source), **off)
                return [str(built)]
            case _:
                _run("javac", "-d", str(self._folder), str(source))
                few = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # to start sooner
                return ["java", *few, "-cp", str(self._folder), source.stem]

    def _beside_modules(self, source: Path) -> Path:
        """Imports are looked for from where the file is."""
        modules = self._folder / "node_modules"
        if MODULES.is_dir() and not modules.exists():
            modules.symlink_to(MODULES)
        return Path(shutil.copy(source, self._folder))


def _run(*command: str, **more: str) -> None:
    done = subprocess.run(
        command,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
