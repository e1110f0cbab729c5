"""`understudy ca`: what it prints, where it makes things, and how it says no."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from proxy.cli import main

_POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com"}
  ollama: {dialect: raw, url: "http://127.0.0.1:11434"}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    file = tmp_path / "policies.yaml"
    file.write_text(_POLICY)
    return file


def _ca(tmp_path: Path, *more: str) -> int:
    state, policies = str(tmp_path / "state"), str(tmp_path / "policies.yaml")
    return main(["ca", "--policies", policies, "--state-dir", state, *more])


@pytest.mark.usefixtures("policies")
def test_it_is_made_and_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ca(tmp_path) == 0
    out, err = capsys.readouterr()
    folder = tmp_path / "state" / "ca"
    made = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    assert made.fingerprint(hashes.SHA256()).hex(":").upper() in out
    assert f"{made.not_valid_after_utc:%Y-%m-%d}" in out
    assert "good for     api.openai.com, 127.0.0.1," in out
    assert str(folder / "bundle.pem") in out
    assert out.count("\n  undo ") == out.count("\n  trust ") == 13
    assert err == f"understudy ca: {folder / 'ca.pem'}: made\n"
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    context = ssl.create_default_context(cafile=folder / "bundle.pem")
    assert len(context.get_ca_certs()) > 50


@pytest.mark.usefixtures("policies")
def test_the_second_time_it_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ca(tmp_path, "--path") == 0
    path = capsys.readouterr().out
    assert path == f"{tmp_path / 'state' / 'ca' / 'ca.pem'}\n"
    before = Path(path.strip()).read_text()
    assert _ca(tmp_path, "--print") == 0
    out, err = capsys.readouterr()
    assert out == before
    assert not err
    assert not (tmp_path / "state" / "ca" / "bundle.pem").exists()


def test_more_hosts_are_told_of(
    tmp_path: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ca(tmp_path) == 0
    policies.write_text(_POLICY + '  cohere: {dialect: raw, url: "https://api.cohere.com"}\n')
    capsys.readouterr()
    assert _ca(tmp_path) == 0
    assert "made anew: whoever was told to trust it has to be told again" in capsys.readouterr().err


@pytest.mark.usefixtures("policies")
def test_a_path_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ca", "--policies", "policies.yaml", "--state-dir", "here", "--path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'here' / 'ca' / 'ca.pem'}\n"


@pytest.mark.usefixtures("policies")
def test_access_of_others_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ca(tmp_path, "--path") == 0
    (tmp_path / "state" / "ca" / "ca.key").chmod(0o644)
    capsys.readouterr()
    assert _ca(tmp_path) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "ca.key: its mode is 0644" in err
    assert "run: chmod 0600 " in err


def test_wrong_policies_are_told_as_serve_tells_them(
    tmp_path: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies.write_text("version: 1\nupstreams: {a: {dialect: openai, ulr: x}}\n")
    assert _ca(tmp_path) == 2
    assert f"{policies}:2:" in capsys.readouterr().err
    policies.unlink()
    assert _ca(tmp_path) == 2
    assert not (tmp_path / "state").exists()


def test_path_and_print_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _ca(tmp_path, "--path", "--print")


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("look", ["--path", "--print"])
def test_a_look_does_not_have_it_sign_for_more(
    tmp_path: Path, look: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ca(tmp_path) == 0
    file = tmp_path / "state" / "ca" / "ca.pem"
    before = file.read_bytes()
    (tmp_path / "policies.yaml").write_text(_POLICY.replace("api.openai.com", "more.example"))
    capsys.readouterr()
    assert _ca(tmp_path, look) == 0
    out, _ = capsys.readouterr()
    assert out == (f"{file}\n" if look == "--path" else before.decode())
    assert file.read_bytes() == before
