"""Imports only look down, rooms of one floor never meet, and floors 0 and 1 are pure."""

import ast
import sys
from pathlib import Path

PROXY = Path(__file__).parent.parent / "proxy"
FLOORS = {
    "core": 0,
    "policy": 1,
    "dialects": 1,
    "resilience": 2,
    "cache": 2,
    "embeddings": 2,
    "mock": 2,
    "upstream": 2,
    "telemetry": 2,
    "trust": 2,
    "engine": 3,
    "capture": 4,
    "admin": 4,
    "drill": 5,
    "launch": 5,
    "settings": 5,
    "living": 5,
    "running": 5,
    "app": 5,
    "cli": 5,
    "__main__": 5,
    "__init__": 0,
}
IMPURE = {"asyncio", "time", "datetime", "random", "secrets", "socket", "ssl", "threading"}
IMPURE |= {"logging", "subprocess", "concurrent", "multiprocessing", "aiohttp", "uuid"}
MAY_BE_IMPURE = {"core/clock.py"}
HEAVY = {"numpy": "embeddings", "tokenizers": "embeddings", "safetensors": "embeddings"}
HEAVY |= {"pybreaker": "resilience/standing/breaker.py", "opentelemetry": "telemetry"}
HEAVY |= {"prometheus_client": "telemetry", "cachetools": "cache"}
HEAVY |= {"cryptography": "trust"}
HEAVY |= {"threadpoolctl": "embeddings", "requests": "telemetry/exporter.py"}


def _imports() -> list[tuple[Path, str]]:
    found = []
    for path in PROXY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                found += [(path.relative_to(PROXY), alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative imports hide the room they come from"
                found.append((path.relative_to(PROXY), node.module or ""))
    return found


def _room(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def test_imports_look_down_only() -> None:
    wrong = []
    for path, module in _imports():
        if not module.startswith("proxy."):
            continue
        here, there = _room(path), module.split(".")[1]
        if here != there and FLOORS[there] >= FLOORS[here] and FLOORS[here] != 5:
            wrong.append(f"{path} imports {module}")
    assert not wrong


def test_every_room_has_a_floor() -> None:
    rooms = {_room(path.relative_to(PROXY)) for path in PROXY.rglob("*.py")}
    assert rooms <= set(FLOORS)


def test_low_floors_are_pure() -> None:
    wrong = []
    for path, module in _imports():
        top = module.split(".")[0]
        if FLOORS[_room(path)] > 1 or path.as_posix() in MAY_BE_IMPURE:
            continue
        if top in IMPURE:
            wrong.append(f"{path} imports {module}")
        if _room(path) == "core" and top != "proxy" and top not in sys.stdlib_module_names:
            wrong.append(f"{path} imports {module}: floor 0 is standard library only")
    assert not wrong


def test_libraries_stay_in_their_room() -> None:
    wrong = []
    for path, module in _imports():
        home = HEAVY.get(module.split(".")[0])
        if home and not path.as_posix().startswith(home):
            wrong.append(f"{path} imports {module}: only {home} may")
    assert not wrong
