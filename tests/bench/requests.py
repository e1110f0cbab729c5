"""CPU a request and a streamed chunk, memory, and time to ready, beside a bare relay."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.relay import CANNED

ROUNDS = 15
"""Short and many, in turns: what else the machine does then falls on all alike."""
CONNECTIONS = 64
REQUESTS = 2000
STREAMS = 128
PATH = "/openai/v1/chat/completions"

POLICY = """
version: 1
upstreams:
  openai: {{dialect: openai, url: "http://127.0.0.1:{port}"}}
  other: {{dialect: openai, url: "http://127.0.0.1:{port}", hosts: [other.invalid], api_key: k}}
routes:
  - name: cached
    match: {{upstream: openai, operation: chat, model: kept}}
    targets: [openai, other]
    cache: {{ttl: 1h}}
    last_resort: mock
  - name: chat
    match: {{upstream: openai, operation: chat}}
    targets: [openai, other]
    last_resort: mock
"""


@dataclass
class Process:
    pid: int
    port: int
    ready_s: float

    def cpu_s(self) -> float:
        """Time on a CPU so far, of all threads, to the nanosecond."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory_mib(self) -> float:
        """Resident set size."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def started(*module: str, core: int, port_of: Callable[[str], int] = int) -> Iterator[Process]:
    """A Python module with its arguments, on one core, that prints where it listens."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, text=True)
    try:
        os.sched_setaffinity(process.pid, {core})
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Process(process.pid, port_of(line), time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def load(
    port: int, model: str, stream: bool, requests: int, path: str = PATH, *tunnel: str
) -> tuple[int, int]:
    """Answers and chunks. `tunnel`: authority, file of the CA, requests of each connection."""
    kind = "stream" if stream else "plain"
    arguments = [str(port), path, model, kind, str(CONNECTIONS), str(requests), *tunnel]
    done = subprocess.run(
        ["taskset", "-c", _far(), sys.executable, "-m", "tests.bench.load", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answers, chunks, _ = done.stdout.split()
    return int(answers), int(chunks)


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _far() -> str:
    return str(cores()[-1])


def understudy_port(line: str) -> int:
    return int(line.partition("listen=")[2].split()[0].rpartition(":")[2])


def main() -> None:
    """Print the table. Takes about two minutes."""
    near, far = cores()[0], cores()[-1]
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        provider = stack.enter_context(started("tests.bench.provider", core=far))
        policy = Path(folder, "bench.yaml")
        policy.write_text(POLICY.format(port=provider.port))
        serve = ["proxy", "serve", "--policies", str(policy), "--state-dir", folder]
        ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        relay = stack.enter_context(started("tests.bench.relay", str(provider.port), core=near))
        understudy = stack.enter_context(
            started(*serve, *ports, core=near, port_of=understudy_port)
        )
        _report(relay, understudy)


def _report(relay: Process, understudy: Process) -> None:
    idle = {"relay": relay.memory_mib(), "understudy": understudy.memory_mib()}
    rows: dict[str, list[float]] = {}

    def measure(
        row: str, process: Process, model: str, stream: bool, requests: int, path: str = PATH
    ) -> None:
        before = process.cpu_s()
        answers, chunks = load(process.port, model, stream, requests, path)
        spent_us = (process.cpu_s() - before) * 1e6
        rows.setdefault(row, []).append(spent_us / (chunks if stream else answers))

    for warm in (relay, understudy):
        load(warm.port, "gpt-4o", False, 500)
    load(understudy.port, "kept", False, CONNECTIONS)
    for _ in range(ROUNDS):
        measure("bare relay", relay, "gpt-4o", False, REQUESTS)
        measure("understudy", understudy, "gpt-4o", False, REQUESTS)
        measure("cache hit", understudy, "kept", False, REQUESTS)
        measure("bare server", relay, "gpt-4o", False, REQUESTS, CANNED)
        measure("bare relay, chunk", relay, "gpt-4o", True, STREAMS)
        measure("understudy, chunk", understudy, "gpt-4o", True, STREAMS)
    print(f"CPU microseconds, median of {ROUNDS} rounds, {CONNECTIONS} connections, one worker")
    for row, values in rows.items():
        references = rows["bare relay, chunk" if row.endswith("chunk") else "bare relay"]
        ratios = [value / reference for value, reference in zip(values, references, strict=True)]
        spread = f"{min(ratios):.2f}..{max(ratios):.2f}"
        print(
            f"  {row:<20} {median(values):7.1f}   {median(ratios):5.2f} of the relay   ({spread})"
        )
    print("Memory, MiB (resident): idle, after the load")
    for name, process in (("relay", relay), ("understudy", understudy)):
        print(f"  {name:<20} {idle[name]:7.1f} {process.memory_mib():7.1f}")
    print("Seconds from exec to ready")
    print(f"  {'relay':<20} {relay.ready_s:7.2f}\n  {'understudy':<20} {understudy.ready_s:7.2f}")


if __name__ == "__main__":
    main()
