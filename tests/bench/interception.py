"""What TLS costs on the way in: the same requests by base URL, inside tunnels that stay, and each
in a tunnel of its own; and mitmproxy beside it, where `make bench` could install it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.requests import (
    CONNECTIONS,
    POLICY,
    REQUESTS,
    Process,
    cores,
    load,
    started,
    understudy_port,
)

ROUNDS = 7
TUNNELS = 500
HOST = "provider.test"
AUTHORITY = f"{HOST}:443"
INSIDE = "/v1/chat/completions"
MITMDUMP = Path(".venv/mitmproxy/bin/mitmdump")
READY_S = 20.0


def main() -> None:
    """Print the table. Takes about a minute."""
    near, far = cores()[0], cores()[-1]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        provider = stack.enter_context(started("tests.bench.provider", core=far))
        policy = folder / "bench.yaml"
        text = POLICY.format(port=provider.port)
        policy.write_text(
            text.replace("{dialect: openai,", f"{{dialect: openai, hosts: {HOST},", 1)
        )
        serve = ["proxy", "serve", "--policies", str(policy), "--state-dir", str(folder / "state")]
        ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        ours = stack.enter_context(started(*serve, *ports, core=near, port_of=understudy_port))
        subprocess.run([sys.executable, "-m", "proxy", "ca", "--path", *serve[2:]], check=True)
        theirs = None
        if MITMDUMP.exists():
            theirs = stack.enter_context(_mitmproxy(provider.port, folder / "mitmproxy", near))
        _report(ours, folder / "state" / "ca" / "ca.pem", theirs, folder / "mitmproxy")


@contextmanager
def _mitmproxy(provider: int, folder: Path, core: int) -> Iterator[Process]:
    """It takes TLS off, and asks the same provider in plain HTTP."""
    folder.mkdir()
    port = 18_990
    command = [
        *(str(MITMDUMP), "-q", "--listen-host", "127.0.0.1", "-p", str(port)),
        *("--set", f"confdir={folder}", "--set", "connection_strategy=lazy"),
        *("--set", f"map_remote=|https://{HOST}/|http://127.0.0.1:{provider}/"),
    ]
    process = subprocess.Popen(command)
    try:
        os.sched_setaffinity(process.pid, {core})
        ends_at = time.monotonic() + READY_S
        while not (folder / "mitmproxy-ca-cert.pem").exists() and time.monotonic() < ends_at:
            time.sleep(0.1)
        time.sleep(1.0)  # it says nothing when it listens
        yield Process(process.pid, port, 0.0)
    finally:
        process.terminate()
        process.wait(10)


def _report(ours: Process, ca: Path, theirs: Process | None, folder: Path) -> None:
    rows: dict[str, list[float]] = {}
    rates: list[float] = []

    def measure(row: str, process: Process, requests: int, path: str, *tunnel: str) -> None:
        before, began = process.cpu_s(), time.perf_counter()
        answers, _ = load(process.port, "gpt-4o", False, requests, path, *tunnel)
        rows.setdefault(row, []).append((process.cpu_s() - before) * 1e6 / answers)
        if row == "a tunnel each":
            rates.append(answers / (time.perf_counter() - began))

    mitm_ca = str(folder / "mitmproxy-ca-cert.pem")
    for _ in range(ROUNDS):
        measure("plain HTTP", ours, REQUESTS, "/openai" + INSIDE)
        measure("intercepted", ours, REQUESTS, INSIDE, AUTHORITY, str(ca), "0")
        measure("a tunnel each", ours, TUNNELS, INSIDE, AUTHORITY, str(ca), "1")
        if theirs is not None:
            measure("mitmproxy", theirs, REQUESTS // 8, INSIDE, AUTHORITY, mitm_ca, "0")
            measure(
                "mitmproxy, a tunnel each", theirs, TUNNELS // 8, INSIDE, AUTHORITY, mitm_ca, "1"
            )
    print(f"CPU microseconds a request, median of {ROUNDS} rounds, {CONNECTIONS} connections")
    for row, values in rows.items():
        ratios = [value / plain for value, plain in zip(values, rows["plain HTTP"], strict=True)]
        spread = f"{min(ratios):.2f}..{max(ratios):.2f}"
        print(f"  {row:<26} {median(values):8.1f}   {median(ratios):5.2f} of plain   ({spread})")
    print(f"  new tunnels a second, one request in each: {median(rates):.0f}")
    if theirs is None:
        print("  mitmproxy is not there: `make bench` installs it beside the other extras")
