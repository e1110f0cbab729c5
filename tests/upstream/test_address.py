"""Nobody is passed through to link-local addresses or to a cloud's metadata."""

import pytest

from proxy.upstream.address import Forbidden, GuardedResolver, check


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "::169.254.169.254",
    ],
)
def test_forbidden_in_any_spelling(address: str) -> None:
    with pytest.raises(Forbidden):
        check(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "api.openai.com"])
def test_others_are_left_to_the_policy(address: str) -> None:
    check(address)


async def test_the_address_that_is_dialled_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver()
    assert (await resolver.resolve("localhost", 80))[0]["host"] == "127.0.0.1"

    async def astray(*_: object) -> list[dict[str, object]]:
        return [{"host": "169.254.169.254"}]

    monkeypatch.setattr(resolver._inner, "resolve", astray)
    with pytest.raises(Forbidden):
        await resolver.resolve("innocent.example", 80)
    await resolver.close()
