"""The settings that flags and environment variables make, and those that are refused."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.capture.limits import Limits
from proxy.cli.flags import Flags
from proxy.cli.serving import add_serve_flags, settings_of
from proxy.settings import SettingError, Settings

TOKEN = "0123456789abcdef._~-"


def _settings(*arguments: str, environ: Mapping[str, str] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    add_serve_flags(Flags(parser, environ or {}))
    return settings_of(parser.parse_args(arguments))


def test_what_nobody_says_is_safe() -> None:
    settings = _settings()
    assert settings.listen.loopback
    assert settings.admin.loopback
    assert (settings.transparent, settings.proxy_token, settings.open) == (None, "", False)
    assert settings.limits == Limits()
    assert settings.ca_dir == settings.state_dir / "ca"


def test_other_ports_for_who_runs_a_command_beside_it() -> None:
    parser = argparse.ArgumentParser()
    add_serve_flags(Flags(parser, {}), listen="127.0.0.1:0", admin="127.0.0.1:0")
    settings = settings_of(parser.parse_args([]))
    assert (settings.listen.port, settings.admin.port) == (0, 0)


def test_every_flag_has_a_variable_and_beats_it() -> None:
    said = {
        "--transparent": "8902",
        "--proxy-token": TOKEN,
        "--max-connections": "10",
        "--max-connections-per-client": "5",
        "--max-body": "1MiB",
        "--state-dir": "/somewhere",
    }
    environ = {"UNDERSTUDY_" + name[2:].replace("-", "_").upper(): said[name] for name in said}
    told = _settings(environ=environ)
    assert told == _settings(*(word for pair in said.items() for word in pair))
    assert told.transparent == 8902
    assert told.proxy_token == TOKEN
    assert told.limits == Limits(connections=10, per_client=5, body_bytes=2**20)
    assert told.ca_dir == Path("/somewhere/ca")
    assert _settings("--transparent", "0", environ=environ).transparent == 0


@pytest.mark.parametrize(
    ("word", "on"),
    [("true", True), ("1", True), ("Yes", True), ("false", False), ("0", False), ("", False)],
)
def test_a_switch_by_its_variable(word: str, on: bool) -> None:
    assert _settings(environ={"UNDERSTUDY_OPEN": word}).open is on
    assert _settings("--open", environ={"UNDERSTUDY_OPEN": word}).open


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.1", "some.name", "0"])
def test_who_can_be_reached_by_others_says_how_it_is_meant(host: str) -> None:
    listen = ("--listen", f"{host}:8900")
    with pytest.raises(SettingError) as refused:
        _settings(*listen)
    for way_out in ("--proxy-token", "--open", "127.0.0.1"):
        assert way_out in str(refused.value)
    assert not _settings(*listen, "--open").listen.loopback
    assert _settings(*listen, "--proxy-token", TOKEN).proxy_token == TOKEN
    assert _settings(*listen, environ={"UNDERSTUDY_OPEN": "true"}).open


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost", ""])
def test_loopback_needs_no_more(host: str) -> None:
    assert _settings("--listen", f"{host}:8900").listen.loopback


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--transparent", "http"),
        ("--transparent", "65536"),
        ("--transparent", "-1"),
        ("--transparent", "9" * 5000),
        ("--max-connections", "0"),
        ("--max-connections", "many"),
        ("--max-connections-per-client", "-3"),
        ("--max-body", "10"),
        ("--max-body", "0MiB"),
        ("--max-body", "10MB"),
    ],
)
def test_what_is_wrong_is_refused_with_its_flag(flag: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{flag}: "):
        _settings(f"{flag}={value}")


def test_a_variable_that_is_neither_yes_nor_no() -> None:
    with pytest.raises(SettingError, match=r"^UNDERSTUDY_OPEN: 'maybe' "):
        _settings(environ={"UNDERSTUDY_OPEN": "maybe"})


@pytest.mark.parametrize(
    "token", ["short", "a" * 15, "with a space in it", "slash/0123456789abc", "ü" * 20, "a:" * 10]
)
def test_a_token_that_no_url_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingError, match="--proxy-token") as refused:
        _settings("--proxy-token", token)
    assert token not in str(refused.value)


def test_no_token_is_shown_by_accident(capsys: pytest.CaptureFixture[str]) -> None:
    settings = _settings("--proxy-token", TOKEN, "--admin-token", TOKEN)
    assert TOKEN not in repr(settings)
    parser = argparse.ArgumentParser()
    add_serve_flags(Flags(parser, {"UNDERSTUDY_PROXY_TOKEN": TOKEN}))
    assert TOKEN not in parser.format_help()
