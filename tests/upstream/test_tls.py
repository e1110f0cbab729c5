"""Upstreams behind TLS are believed only with a certificate that is trusted, and shown ours."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from multidict import CIMultiDict

from proxy.core.failure import Failure, FailureKind, Hop
from proxy.core.reply import End
from proxy.policy.tls import Tls, TlsFiles, Unusable
from proxy.upstream import tls as tls_room
from proxy.upstream.exchange import ask
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Pool
from proxy.upstream.tls import Contexts, context_for, look
from tests.calls import a_call
from tests.upstream.certificates import Issuer, secured, strict


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("stranger"), "stranger")


class Client:
    """A pool and its contexts, asking a server of this machine."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.contexts = Contexts()

    async def ask(self, port: int, tls: Tls | None, host: str = "localhost") -> None:
        """One request and its answer. Raises Failure."""
        origin = Origin.of(f"https://{host}:{port}")
        door = self.pool.door(origin, "it", 5.0, self.contexts.of(tls))
        reply = await ask(self.pool, door, a_call(), "/", CIMultiDict({"Host": "it"}))
        assert b"".join([chunk async for chunk in reply.body]) == b"ok"
        await reply.close(End.COMPLETE)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.pool.close()


def trusting(issuer: Issuer, certificate: tuple[Path, Path] | None = None) -> Tls:
    cert, key = map(str, certificate) if certificate is not None else (None, None)
    seen = look(TlsFiles(str(issuer.file), cert, key))
    assert isinstance(seen, Tls)
    return seen


async def test_roots_of_a_file_are_trusted_beside_the_systems(
    client: Client, issuer: Issuer
) -> None:
    async with secured(issuer.issue("localhost")) as server:
        await client.ask(server.port, trusting(issuer))
        assert server.connections == 1
    assert context_for(trusting(issuer)).cert_store_stats()["x509_ca"] > 1


@pytest.mark.parametrize("name", ["unknown", "expired", "of another name", "of another address"])
async def test_whom_nobody_vouches_for_is_not_spoken_to(
    client: Client, issuer: Issuer, stranger: Issuer, name: str
) -> None:
    certificate, host, told = {
        "unknown": (stranger.issue("localhost"), "localhost", "unable to get local issuer"),
        "expired": (issuer.issue("localhost", days=-1), "localhost", "has expired"),
        "of another name": (issuer.issue("other.test"), "localhost", "Hostname mismatch"),
        "of another address": (issuer.issue("127.0.0.2"), "127.0.0.1", "IP address mismatch"),
    }[name]
    async with secured(certificate) as server:
        with pytest.raises(Failure) as caught:
            await client.ask(server.port, trusting(issuer), host)
        assert not server.shown, "not a byte of a request was sent"
    failure = caught.value
    assert (failure.kind, failure.hop, failure.sent) == (
        FailureKind.NETWORK,
        Hop.TLS_CERTIFICATE,
        False,
    )
    assert "its certificate is not trusted" in failure.message
    assert told in failure.message


async def test_without_a_file_only_the_systems_roots_count(client: Client, issuer: Issuer) -> None:
    async with secured(issuer.issue("localhost")) as server:
        with pytest.raises(Failure, match="its certificate is not trusted"):
            await client.ask(server.port, None)


async def test_an_upstream_sees_our_certificate(client: Client, issuer: Issuer) -> None:
    async with secured(issuer.issue("localhost"), clients=issuer.file) as server:
        await client.ask(server.port, trusting(issuer, issuer.issue("us.test")))
        assert server.shown == ["us.test"]


async def test_who_demands_a_certificate_that_we_lack_is_told_of_by_name(
    client: Client, issuer: Issuer, stranger: Issuer
) -> None:
    with strict(issuer.issue("localhost"), issuer.file) as port:
        with pytest.raises(Failure) as caught:
            await client.ask(port, trusting(issuer))
        assert caught.value.hop is Hop.TLS_PROTOCOL
        assert "it wants a certificate of ours that it trusts (cert_file" in caught.value.message
        with pytest.raises(Failure, match=r"it wants a certificate of ours.* unknown ca"):
            await client.ask(port, trusting(issuer, stranger.issue("us.test")))


async def test_different_certificates_never_share_a_connection(
    client: Client, issuer: Issuer
) -> None:
    ours, others = (trusting(issuer, issuer.issue(name)) for name in ("us.test", "others.test"))
    async with secured(issuer.issue("localhost"), clients=issuer.file) as server:
        for tls in (ours, others, ours, others):
            await client.ask(server.port, tls)
        assert server.connections == 2
        assert server.shown == ["us.test", "others.test"] * 2


async def test_a_certificate_that_was_renewed_is_shown_on_new_connections(
    client: Client, issuer: Issuer, tmp_path: Path
) -> None:
    cert, key = tmp_path / "us.pem", tmp_path / "us.key"

    def put(name: str) -> Tls:
        for source, file in zip(issuer.issue(name), (cert, key), strict=True):
            file.write_bytes(source.read_bytes())
        return trusting(issuer, (cert, key))

    async with secured(issuer.issue("localhost"), clients=issuer.file) as server:
        before = put("before.test")
        await client.ask(server.port, before)
        after = put("after.test")
        assert before != after
        assert replace(before, content="") == replace(after, content="")
        await client.ask(server.port, after)
        assert server.shown == ["before.test", "after.test"]


def test_contexts_are_shared_and_last_as_long_as_somebody_has_them(issuer: Issuer) -> None:
    contexts = Contexts()
    tls = trusting(issuer)
    contexts.prepare([tls, None, tls])
    one = contexts.of(tls)
    assert contexts.of(trusting(issuer)) is one
    assert contexts.of(None) is not one
    contexts.prepare([None])
    assert contexts.of(tls) is one, "somebody still has it"


def test_every_context_verifies(issuer: Issuer) -> None:
    for tls in (None, trusting(issuer)):
        context = context_for(tls)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def _bare(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """A machine that has no roots but what may be in `folder`."""
    paths = ssl.get_default_verify_paths()._replace(capath=str(folder) if folder else None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(
        ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_a_bare_image_gets_the_roots_of_certifi(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _bare(monkeypatch, None)
    assert context_for(None).cert_store_stats()["x509_ca"] > 50
    _bare(monkeypatch, tmp_path)
    assert context_for(None).cert_store_stats()["x509_ca"] > 50


def test_who_says_whom_to_trust_is_asked_no_further(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _bare(monkeypatch, tmp_path)
    (tmp_path / "0a1b2c3d.0").write_text("a root")
    assert context_for(None).cert_store_stats()["x509_ca"] == 0, "read when one is looked for"
    _bare(monkeypatch, None)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    assert context_for(None).cert_store_stats()["x509_ca"] == 0


def _told(**files: Path | None) -> list[tuple[str, str]]:
    named = {key: None if file is None else str(file) for key, file in files.items()}
    lacking: dict[str, str | None] = {"ca_file": None, "cert_file": None, "key_file": None}
    seen = look(TlsFiles(**{**lacking, **named}))
    assert not isinstance(seen, Tls)
    assert all(isinstance(each, Unusable) and each.right for each in seen)
    return [(each.key, each.wrong) for each in seen]


def test_what_is_no_file_is_told(tmp_path: Path, issuer: Issuer) -> None:
    gone = tmp_path / "gone.pem"
    ((key, wrong),) = _told(ca_file=gone)
    assert (key, wrong) == (
        "ca_file",
        f"'ca_file' cannot be read: {gone}: No such file or directory",
    )
    ((_, wrong),) = _told(ca_file=tmp_path)
    assert "Is a directory" in wrong or "it is no file" in wrong
    os.mkfifo(tmp_path / "pipe")
    ((_, wrong),) = _told(ca_file=tmp_path / "pipe")
    assert "it is no file" in wrong
    (tmp_path / "long.pem").write_bytes(b"#" * (tls_room.FILE_BYTES + 1))
    ((_, wrong),) = _told(ca_file=tmp_path / "long.pem")
    assert "longer than 4 MiB" in wrong
    both = _told(ca_file=gone, key_file=gone, cert_file=issuer.file)
    assert [key for key, _ in both] == ["ca_file", "key_file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch(mode=0o000)
    ((_, wrong),) = _told(ca_file=tmp_path / "ca.pem")
    assert "Permission denied" in wrong


def test_what_holds_no_certificate_or_no_key_is_told(tmp_path: Path, issuer: Issuer) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate at all")
    cert, key = issuer.issue("us.test")
    _, others = issuer.issue("others.test")
    _, locked = issuer.issue("locked.test", password=b"secret")
    assert _told(ca_file=text) == [("ca_file", "'ca_file' holds no certificate")]
    assert _told(ca_file=key) == [("ca_file", "'ca_file' holds no certificate")]
    assert _told(cert_file=text, key_file=key) == [
        ("cert_file", "'cert_file' holds no certificate")
    ]
    assert _told(cert_file=cert) == [("cert_file", "'cert_file' holds no private key")]
    assert _told(cert_file=cert, key_file=text) == [("key_file", "'key_file' holds no private key")]
    assert _told(cert_file=cert, key_file=others) == [
        ("key_file", "its key is not that of the certificate in 'cert_file'")
    ]
    assert _told(cert_file=cert, key_file=locked) == [("key_file", "its key wants a password")]


def test_one_file_may_have_both(tmp_path: Path, issuer: Issuer) -> None:
    cert, key = issuer.issue("us.test")
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    seen = look(TlsFiles(None, str(both), None))
    assert isinstance(seen, Tls)
    assert (seen.cert_file, seen.key_file) == (str(both), None)
    context_for(seen)


async def test_making_contexts_is_for_a_thread(issuer: Issuer) -> None:
    contexts = Contexts()
    tls = trusting(issuer)
    await asyncio.to_thread(contexts.prepare, [tls])
    assert contexts.of(tls) is contexts.of(tls)
