"""The flags of a proxy that runs: what `serve` and `run` take, and the Settings that they make."""

import argparse
from pathlib import Path

from proxy.capture.limits import Limits
from proxy.cli.flags import ADMIN, LISTEN, Flags, address, chosen_policies
from proxy.settings import (
    SettingError,
    Settings,
    check_token,
    parse_count,
    parse_duration,
    parse_port,
    parse_size,
)
from proxy.telemetry.formats import LogFormat
from proxy.telemetry.log import LEVELS


def add_serve_flags(flags: Flags, listen: str = LISTEN, admin: str = ADMIN) -> None:
    """All of them; `listen` and `admin` are the defaults of those two."""
    flags.policies()
    flags.add("--listen", listen, "where applications call", metavar="HOST:PORT")
    flags.add("--admin", admin, "where operators look", metavar="HOST:PORT")
    flags.add(
        "--transparent", "", "takes connections that a firewall redirects here", metavar="PORT"
    )
    flags.add(
        "--proxy-token", "", "what applications must present; off loopback this", metavar="TOKEN"
    )
    flags.switch("--open", "or this: whoever can reach the proxy may use it")
    flags.add(
        "--admin-token", "", "what operators must present; needed off loopback", metavar="TOKEN"
    )
    limits = Limits()
    flags.add(
        "--max-connections", str(limits.connections), "at once, of all clients", metavar="COUNT"
    )
    flags.add(
        "--max-connections-per-client",
        str(limits.per_client),
        "at once, from one address",
        metavar="COUNT",
    )
    flags.add("--max-body", "", "of a request; larger ones get 413", metavar="SIZE")
    flags.add("--workers", "1", "processes; this version runs one", choices=["1"])
    flags.state_dir()
    flags.add("--drain", "10s", "how long running answers may take to end", metavar="TIME")
    flags.add("--log-format", "text", "of lines on stderr", choices=list(map(str, LogFormat)))
    flags.add("--log-level", "info", "of lines on stderr", choices=list(LEVELS))


def settings_of(chosen: argparse.Namespace) -> Settings:
    """What was chosen. Raises SettingError for what is wrong, or would be open to strangers."""
    settings = Settings(
        policies=chosen_policies(chosen),
        listen=address(chosen, "--listen"),
        admin=address(chosen, "--admin"),
        transparent=parse_port(chosen.transparent, "--transparent"),
        proxy_token=check_token(chosen.proxy_token, "--proxy-token"),
        open=chosen.open,
        admin_token=chosen.admin_token,
        state_dir=Path(chosen.state_dir),
        limits=_limits(chosen),
        drain_s=parse_duration(chosen.drain, "--drain"),
        log_format=LogFormat(chosen.log_format),
        log_level=chosen.log_level,
    )
    _refuse_strangers(settings)
    return settings


def _limits(chosen: argparse.Namespace) -> Limits:
    per_client = chosen.max_connections_per_client
    return Limits(
        connections=parse_count(chosen.max_connections, "--max-connections"),
        per_client=parse_count(per_client, "--max-connections-per-client"),
        body_bytes=parse_size(chosen.max_body, "--max-body"),
    )


def _refuse_strangers(settings: Settings) -> None:
    """Nothing can be reached from other machines by accident. Raises SettingError."""
    admin, listen = settings.admin, settings.listen
    if not admin.loopback and not settings.admin_token:
        raise SettingError(
            f"--admin {admin.host}:{admin.port} can be reached from other machines: "
            "give it an --admin-token, or listen on 127.0.0.1"
        )
    if not listen.loopback and not settings.proxy_token and not settings.open:
        raise SettingError(
            f"--listen {listen.host}:{listen.port} can be reached from other machines, and whoever "
            "reaches it could use it: give it a --proxy-token that applications present, say "
            "--open where whoever reaches it may use it, or listen on 127.0.0.1"
        )
