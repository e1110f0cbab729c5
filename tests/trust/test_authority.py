"""When a certificate is made, made anew, and for whom."""

import multiprocessing
import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography import x509

from proxy.core.event import AuthorityIssued
from proxy.trust import lock
from proxy.trust.authority import Authority, NotTrustworthy
from proxy.trust.certificate import AUTHORITY_LIFE_S, LEAF_LIFE_S
from proxy.trust.issue import RENEW_S
from tests.trust.parties import DAY_S, HOSTS, NOW, Ears, Wall, pair_of, pem


def _opened(folder: Path, wall: Wall, *hosts: str) -> tuple[Authority, Ears]:
    ears = Ears()
    return Authority.open(folder / "ca", hosts or HOSTS, ears, wall), ears


def test_the_first_use_makes_it_and_the_next_finds_it(tmp_path: Path) -> None:
    first, ears = _opened(tmp_path, Wall())
    permitted = ("api.example.com", "127.0.0.1", "::1")
    assert first.permitted == permitted
    assert ears.heard == [AuthorityIssued(str(first.path), permitted, renewed=False)]
    again, ears = _opened(tmp_path, Wall(NOW + 300 * DAY_S), "API.example.com")
    assert not ears.heard
    assert again.certificate_pem == first.certificate_pem == first.path.read_bytes()
    assert again.fingerprint == first.fingerprint


def test_more_hosts_get_a_wider_certificate_of_the_same_key(tmp_path: Path) -> None:
    first, _ = _opened(tmp_path, Wall(), "a.example")
    second, ears = _opened(tmp_path, Wall(NOW + DAY_S), "b.example")
    assert [event.renewed for event in ears.heard] == [True]
    assert second.permitted == ("a.example", "b.example")  # the first may be running still
    assert second.name == first.name
    assert second.public_key_der == first.public_key_der
    assert second.fingerprint != first.fingerprint
    assert second.ends_at == first.ends_at + DAY_S


@pytest.mark.parametrize(
    ("after_s", "renewed"),
    [
        (AUTHORITY_LIFE_S - RENEW_S - DAY_S, False),
        (AUTHORITY_LIFE_S - RENEW_S, True),
        (AUTHORITY_LIFE_S + DAY_S, True),
        (-30 * DAY_S, True),  # the clock that it was made by was ahead
    ],
)
def test_before_its_end_it_is_made_anew(tmp_path: Path, after_s: float, renewed: bool) -> None:
    first, _ = _opened(tmp_path, Wall(), "a.example", "gone.example")
    later, ears = _opened(tmp_path, Wall(NOW + after_s), "a.example")
    assert len(ears.heard) == renewed
    assert later.public_key_der == first.public_key_der
    assert (later.permitted == ("a.example",)) is renewed
    assert later.ends_at > NOW + after_s


def test_a_reload_covers_more_hosts(tmp_path: Path) -> None:
    authority, ears = _opened(tmp_path, Wall(), "a.example", "b.example")
    kept, dropped = authority.context("a.example"), authority.context("b.example")
    authority.cover(["a.example", "c.example"])
    assert [event.hosts for event in ears.heard[1:]] == [("a.example", "b.example", "c.example")]
    assert authority.context("a.example") is kept
    assert authority.context("c.example") is not dropped
    with pytest.raises(NotTrustworthy, match=r"b\.example: the CA signs for hosts of upstreams"):
        authority.context("b.example")
    authority.cover(["b.example"])
    assert len(ears.heard) == 2  # it was permitted all along
    assert authority.context("b.example") is not dropped


def test_a_reload_that_cannot_be_covered_changes_nothing(tmp_path: Path) -> None:
    authority, ears = _opened(tmp_path, Wall(), "a.example")
    context = authority.context("a.example")
    (tmp_path / "ca").chmod(0o755)
    with pytest.raises(NotTrustworthy, match="its mode is 0755"):
        authority.cover(["b.example"])
    assert authority.context("a.example") is context
    assert len(ears.heard) == 1
    with pytest.raises(NotTrustworthy):
        authority.context("b.example")


def test_a_reload_finds_an_authority_that_was_made_anew(tmp_path: Path) -> None:
    authority, _ = _opened(tmp_path, Wall(), "a.example")
    context = authority.context("a.example")
    for file in (tmp_path / "ca").glob("ca.*"):
        file.unlink()
    other, _ = _opened(tmp_path, Wall(), "a.example")
    authority.cover(["a.example"])
    assert authority.public_key_der == other.public_key_der
    assert authority.context_at_hand("a.example") is None
    assert authority.context("a.example") is not context


def test_a_context_is_made_once_for_all_spellings(tmp_path: Path) -> None:
    authority, _ = _opened(tmp_path, Wall())
    assert authority.context_at_hand("api.example.com") is None
    context = authority.context("api.example.com")
    assert authority.context_at_hand("API.example.com.:443") is context
    assert authority.context("api.example.com") is context
    assert authority.context("::1") is authority.context("[::1]:8080")


def test_a_leaf_is_made_anew_when_a_third_of_its_time_is_left(tmp_path: Path) -> None:
    wall = Wall()
    authority, ears = _opened(tmp_path, wall)
    context = authority.context("127.0.0.1")
    wall.now += LEAF_LIFE_S * 2 / 3 - 60
    assert authority.context_at_hand("127.0.0.1") is context
    wall.now += 120
    assert authority.context_at_hand("127.0.0.1") is None
    assert authority.context("127.0.0.1") is not context
    wall.now -= 2 * LEAF_LIFE_S  # the clock was set right
    assert authority.context_at_hand("127.0.0.1") is None
    assert len(ears.heard) == 1


def test_a_process_that_runs_for_a_year_renews(tmp_path: Path) -> None:
    wall = Wall()
    authority, ears = _opened(tmp_path, wall)
    for _ in range(60):
        wall.now += 10 * DAY_S
        authority.context("127.0.0.1")
        assert authority.ends_at > wall.now + RENEW_S
    assert [event.renewed for event in ears.heard] == [False, True]


def test_what_cannot_be_renewed_goes_on_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _opened(tmp_path, Wall())
    wall = Wall(NOW + AUTHORITY_LIFE_S - 10 * DAY_S)

    def full(*_: object) -> None:
        raise NotTrustworthy("the disk is full")

    monkeypatch.setattr("proxy.trust.issue.write_certificate", full)
    authority, ears = _opened(tmp_path, wall)
    assert [event.error for event in ears.heard] == ["the disk is full"]
    assert isinstance(authority.context("127.0.0.1"), ssl.SSLContext)
    wall.now += 11 * DAY_S
    assert authority.context_at_hand("127.0.0.1") is None
    with pytest.raises(NotTrustworthy, match="the disk is full"):
        authority.context("127.0.0.1")
    with pytest.raises(NotTrustworthy, match="the disk is full"):
        _opened(tmp_path, Wall(), "another.example")


def test_nothing_is_left_where_temporary_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    authority, _ = _opened(tmp_path, Wall())
    authority.context("127.0.0.1")
    assert not list(place.iterdir())
    place.rmdir()
    with pytest.raises(NotTrustworthy, match="temporary files"):
        authority.context("::1")


def test_a_lock_that_is_never_let_go_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WAIT_S", 0.0)
    (tmp_path / "ca").mkdir(mode=0o700)
    with (
        lock.locked(tmp_path / "ca"),
        pytest.raises(NotTrustworthy, match="another process has been making the CA"),
    ):
        _opened(tmp_path, Wall())
    assert _opened(tmp_path, Wall())[0].permitted


def _race(folder: Path, host: str, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    Authority.open(folder, [host], Ears())


def test_many_processes_at_once_make_one(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    start = spawning.Barrier(4)
    racing = [
        spawning.Process(target=_race, args=(tmp_path / "ca", f"{number}.example", start))
        for number in range(4)
    ]
    for process in racing:
        process.start()
    for process in racing:
        process.join(60)
    assert [process.exitcode for process in racing] == [0, 0, 0, 0]
    pair = pair_of(tmp_path / "ca")
    assert pair.permitted.words() == tuple(f"{number}.example" for number in range(4))
    found = sorted(file.name for file in (tmp_path / "ca").iterdir())
    assert found == ["ca.key", "ca.lock", "ca.pem"]


def test_the_file_holds_one_certificate(tmp_path: Path) -> None:
    authority, _ = _opened(tmp_path, Wall())
    found = x509.load_pem_x509_certificates(authority.path.read_bytes())
    assert [pem(one) for one in found] == [authority.certificate_pem]
