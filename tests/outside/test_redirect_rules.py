"""The scripts that set and take back the firewall's rules, by themselves."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.outside.network import SCRIPTS, own_network, redirecting, rules, run, what_lacks

LACKS = what_lacks()
pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)

PORT, PROXY = 8902, 1000
TOOLS = pytest.mark.parametrize("tool", ["nft", "iptables"])


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with own_network(()):
        yield


@TOOLS
def test_rules_go_as_they_came(tool: str) -> None:
    """Whoever else has some keeps them; and both scripts may run twice."""
    run(
        "nft",
        "add table inet somebody; add chain inet somebody own; add rule inet somebody own counter",
    )
    with redirecting(PORT, PROXY, tool):  # iptables leaves its empty tables behind, the first time
        pass
    before = rules()
    with redirecting(PORT, PROXY, tool):
        once = rules()
        assert once != before
        with redirecting(PORT, PROXY, tool):
            assert rules() == once
        assert rules() == before
    assert rules() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "it wants PORT USER"),
        (("8902",), "it wants PORT USER"),
        (("port", "0"), "PORT is a number"),
        (("70000", "0"), "PORT is 1 to 65535"),
        (("8902", ""), "USER is who the proxy runs as"),
        (("8902", "no such user"), "there is no user"),
        (("8902", "0", "ufw"), "it is nft or iptables"),
    ],
)
def test_the_script_says_what_it_wants(arguments: tuple[str, ...], told: str) -> None:
    before = rules()
    done = subprocess.run(
        [SCRIPTS / "up.sh", *arguments], capture_output=True, text=True, check=False, timeout=10
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert rules() == before
