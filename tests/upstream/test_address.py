"""Nobody is passed through to private addresses or a cloud's metadata, in whatever spelling."""

import asyncio
import socket
from typing import Any

import pytest

from proxy.core.failure import Failure, FailureKind, Hop
from proxy.core.reply import Reply
from proxy.upstream.address import LENIENT, STRICT, AddressInfo, Forbidden, Rule
from proxy.upstream.dial import Dialler
from proxy.upstream.names import GuardedResolver, LookUp, Names, by_system
from proxy.upstream.passthrough import Passthrough
from proxy.upstream.pool import Pool
from proxy.upstream.via import Signature
from tests.calls import a_call
from tests.clock import FalseClock, LoadedDice
from tests.upstream.spellings import METADATA, PRIVATE, PUBLIC

CASES = [
    *((LENIENT, *case) for case in METADATA),
    *((STRICT, *case) for case in METADATA),
    *((STRICT, *case) for case in PRIVATE),
]
"""Which rule has to forbid it, a host as it is written, and an address that a name leads to."""

every_case = pytest.mark.parametrize(("rule", "spelling", "address"), CASES)


def leading_to(*addresses: str) -> LookUp:
    """A look-up that finds these addresses for every name."""

    def look_up(host: str, port: int) -> list[AddressInfo]:
        found: list[AddressInfo] = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            where: Any = (address, port, 0, 0) if ":" in address else (address, port)
            found.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where))
        return found

    return look_up


async def dial(rule: Rule, host: str, look_up: LookUp = by_system) -> None:
    """By way of a tunnel. Raises Failure."""
    dialler = Dialler(Names(look_up), FalseClock())
    transport = await dialler.dial(host, 80, asyncio.Protocol, exempt=rule is LENIENT)
    transport.abort()


async def request(rule: Rule, host: str, look_up: LookUp = by_system) -> Reply:
    """By way of a plain request. Raises Failure."""
    clock, dice = FalseClock(), LoadedDice()
    pool = Pool(GuardedResolver(Names(look_up), rule), rule)
    passthrough = Passthrough(rule, pool, clock, dice, Signature.of(dice))
    bare = host.strip("[]")
    try:
        return await passthrough.handle(a_call(upstream=f"[{bare}]" if ":" in bare else bare))
    finally:
        await pool.close()


ways = pytest.mark.parametrize("way", [dial, request], ids=["tunnel", "request"])


def _is_prohibited(failure: Failure) -> bool:
    told = (failure.kind, failure.status, failure.hop, failure.sent)
    return told == (FailureKind.BAD_REQUEST, 403, Hop.PROHIBITED, False)


@ways
@every_case
async def test_no_spelling_gets_there(
    way: Any, rule: Rule, spelling: str, address: str, connects: list[object]
) -> None:
    with pytest.raises(Failure) as caught:
        await way(rule, spelling, leading_to(address))
    assert _is_prohibited(caught.value)
    assert not connects, "not a packet was sent"


@ways
@every_case
async def test_no_name_leads_there(
    way: Any, rule: Rule, spelling: str, address: str, connects: list[object]
) -> None:
    with pytest.raises(Failure, match=r"^innocent\.example leads to|innocent") as caught:
        await way(rule, "innocent.example", leading_to(address))
    assert _is_prohibited(caught.value)
    assert not connects


@ways
@pytest.mark.parametrize("order", [1, -1])
async def test_a_name_that_leads_there_too_leads_nowhere(
    way: Any, order: int, connects: list[object]
) -> None:
    both = leading_to(*["8.8.8.8", "10.0.0.1"][::order])
    with pytest.raises(Failure) as caught:
        await way(STRICT, "innocent.example", both)
    assert _is_prohibited(caught.value)
    assert not connects


async def test_the_address_is_looked_at_again_when_it_is_dialled(connects: list[object]) -> None:
    """Whatever was found before: here by a resolver that has nobody look."""

    class Careless(GuardedResolver):
        def __init__(self) -> None:
            super().__init__(Names(leading_to("127.0.0.1")), Rule("none", (), ""))

    clock, dice = FalseClock(), LoadedDice()
    pool = Pool(Careless(), STRICT)
    passthrough = Passthrough(STRICT, pool, clock, dice, Signature.of(dice))
    with pytest.raises(Failure) as caught:
        await passthrough.handle(a_call(upstream="innocent.example"))
    await pool.close()
    assert _is_prohibited(caught.value)
    assert not connects


@pytest.mark.parametrize("spelling", [spelling for spelling, _ in PRIVATE if "." in spelling])
def test_a_listed_host_may_be_private(spelling: str) -> None:
    odd = spelling in ("127.1", "0x7f.1")
    if odd:
        with pytest.raises(Forbidden, match="odd spelling"):
            LENIENT.host(spelling)
    else:
        LENIENT.host(spelling)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_rest_of_the_world_is_there_for_everybody(address: str) -> None:
    for rule in (STRICT, LENIENT):
        assert rule.host(address) == address
        rule.address(address)
        rule.address(address, "a.example")


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("PyPI.org", "pypi.org"),
        ("pypi.org.", "pypi.org"),
        ("a_b.example", "a_b.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("[2606:4700:0:0::1111]", "2606:4700::1111"),
        ("8.8.8.8.", "8.8.8.8"),
        ("1.example", "1.example"),
    ],
)
def test_a_host_has_one_spelling(written: str, host: str) -> None:
    assert STRICT.host(written) == host


@pytest.mark.parametrize(
    "written", ["", ".", "a..b", "-a.example", "a" * 64 + ".example", "a." * 130 + "b", "a:b", "[]"]
)
def test_what_is_no_host(written: str) -> None:
    with pytest.raises(Forbidden, match="is no host"):
        STRICT.host(written)


def test_what_is_told_helps_who_meant_it() -> None:
    with pytest.raises(Forbidden, match="private ones that the policy's passthrough lists"):
        STRICT.host("10.0.0.1")
    with pytest.raises(Forbidden, match="metadata address: nobody is passed through"):
        LENIENT.host("169.254.169.254")
    with pytest.raises(Forbidden) as caught:
        STRICT.address("10.1.2.3", "intranet.example")
    assert "10.1.2.3" not in str(caught.value), "what a name leads to is the network's own affair"
