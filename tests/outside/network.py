"""A network of one's own, in which firewall rules hurt nobody (Linux, as root).

    with own_network(("8.8.4.4", "10.1.2.3")):      # this machine has these addresses there
        ...                                          # this thread, and whatever it starts, is in it

It is gone with the last thread and process in it, rules and all.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "deploy" / "transparent"
NOBODY = 65534
_CLONE_NEWNET = 0x40000000  # Linux, include/uapi/linux/sched.h
_TOOLS = ("ip", "nft", "iptables", "ip6tables", "curl", "unshare")
_PROBE = "ip link set lo up && nft list ruleset && iptables -t nat -S && ip6tables -t nat -S"


def what_lacks() -> str:
    """Why there can be no such network here; empty where there can."""
    if sys.platform != "linux":
        return "only Linux redirects connections"
    if os.geteuid() != 0:
        return "a network namespace wants root"
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    probe = ["unshare", "--net", "sh", "-c", _PROBE]
    tried = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=10)
    return f"no network namespace with NAT: {tried.stderr.strip()}" if tried.returncode else ""


@contextmanager
def own_network(addresses: Sequence[str]) -> Iterator[None]:
    """Move this thread into a new network that has loopback and `addresses`; and back again."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace")
        try:
            run("ip", "link", "set", "lo", "up")
            for address in addresses:
                run("ip", "address", "add", address, "dev", "lo")
            yield
        finally:
            if libc.setns(home.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "no way back from the network namespace")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """It must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    assert done.returncode == 0, (command, done)
    return done


@contextmanager
def redirecting(port: int, proxy: int, tool: str) -> Iterator[None]:
    """The rules that ship, with `tool` (nft or iptables): connections of all but the user `proxy`
    are redirected to `port`."""
    assert not run(str(SCRIPTS / "up.sh"), str(port), str(proxy), tool).stderr
    try:
        yield
    finally:
        assert not run(str(SCRIPTS / "down.sh")).stderr


def rules() -> str:
    """Everything that any firewall tool has set here, less counts."""
    listings = (("iptables", "-t", "nat", "-S"), ("ip6tables", "-t", "nat", "-S"))
    return "".join(
        run(*listing).stdout for listing in (*listings, ("nft", "-s", "list", "ruleset"))
    )
