"""The environment that CMD gets: what was there, with the proxy written into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from proxy.launch.node import node_variables
from proxy.launch.variables import ALL_PROXY, BASE_URLS, LOOPBACK, NO_PROXY, PROXIES, BaseUrl
from proxy.policy.snapshot import Snapshot
from proxy.trust.variables import TRUST, TRUST_WHERE_SET

_PORTS = {"http": 80, "https": 443}
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""Who listens everywhere is called on this machine."""


@dataclass(frozen=True, slots=True)
class Doors:
    """How CMD reaches the proxy: its URL, the token that it wants or "", the file to trust."""

    listen: str
    token: str = field(repr=False)
    bundle: Path

    @property
    def base(self) -> str:
        """What stands before `/<upstream>` in a base URL."""
        return self._url() + (f"/{self.token}" if self.token else "")

    @property
    def proxy(self) -> str:
        """The value of HTTP_PROXY."""
        return self._url(f"understudy:{self.token}@" if self.token else "")

    @property
    def host(self) -> str:
        """As NO_PROXY names it: an IPv6 address has no brackets there."""
        return self._authority()[0].strip("[]")

    def _url(self, user: str = "") -> str:
        host, port = self._authority()
        return f"http://{user}{host}:{port}"

    def _authority(self) -> tuple[str, str]:
        host, _, port = urlsplit(self.listen).netloc.rpartition(":")
        return _UNSPECIFIED.get(host, host), port


@dataclass(frozen=True, slots=True)
class Surroundings:
    """An environment, and what the person who started CMD should know of it."""

    environ: Mapping[str, str] = field(repr=False)
    notes: tuple[str, ...]


def surroundings(
    environ: Mapping[str, str], snapshot: Snapshot, doors: Doors, *, base_urls: bool
) -> Surroundings:
    """`environ` pointed at the proxy; what it says of other things stays as it is."""
    changed, notes = dict(environ), list[str]()
    if base_urls:
        for variable in BASE_URLS:
            _point(variable, changed, snapshot, doors.base, notes)
    _set_proxies(changed, doors.proxy, notes)
    _spare_this_machine(changed, snapshot, doors.host, notes)
    named = (*TRUST, *(name for name in TRUST_WHERE_SET if environ.get(name)))
    changed |= dict.fromkeys(named, str(doors.bundle))
    changed |= node_variables(environ)
    return Surroundings(changed, tuple(notes))


def _point(
    variable: BaseUrl, environ: dict[str, str], snapshot: Snapshot, base: str, notes: list[str]
) -> None:
    """Lead `variable` to the upstream that it means: the one on the host that it names or, where it
    is not set, that its SDK would call. No key gets to another."""
    said = environ.get(variable.name, "").strip()
    url = _read(said or variable.default, variable)
    if url is None or not url.hostname:
        if said:
            notes.append(f"{variable.name} is left as it is: it holds no URL")
        return
    port = _port(url)
    upstream = snapshot.upstream_for_host(url.hostname, port)
    if upstream is None:
        if said:
            notes.append(
                f"{variable.name} is left as it is: no upstream has the host {url.hostname}:{port}"
            )
        return
    prefix = urlsplit(upstream.url).path.rstrip("/")
    if f"{url.path}/".startswith(f"{prefix}/"):  # else no base URL leads there; HTTPS_PROXY does
        environ[variable.name] = f"{base}/{upstream.name}{url.path.removeprefix(prefix)}"


def _read(text: str, variable: BaseUrl) -> SplitResult | None:
    """`text` as a URL; scheme and port of the default where it has none, as OLLAMA_HOST may."""
    if "://" not in text:
        usual = urlsplit(variable.default)
        bare = text.partition("/")[0].rpartition("]")[2]
        port = f":{usual.port}" if text and usual.port and ":" not in bare else ""
        host, slash, path = text.partition("/")
        text = f"{usual.scheme or 'https'}://{host}{port}{slash}{path}"
    try:
        parts = urlsplit(text)
        return parts if parts.scheme in _PORTS and _port(parts) else None
    except ValueError:  # a port or an IPv6 address that is none
        return None


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]


def _set_proxies(environ: dict[str, str], proxy: str, notes: list[str]) -> None:
    before = {name: _either(environ, name) for name in (*PROXIES, ALL_PROXY)}
    for name in PROXIES:
        environ[name] = environ[name.lower()] = proxy
    for name in (ALL_PROXY, ALL_PROXY.lower()):
        environ.pop(name, None)
    named: dict[str, str] = {}
    for name, url in before.items():
        if url and url != proxy:
            named.setdefault(_shown(url), name)
    for shown, name in named.items():
        notes.append(
            f"{name} was {shown}: the command goes through Understudy instead, and Understudy "
            "connects directly, not through that proxy"
        )


def _shown(url: str) -> str:
    """A proxy's URL without who calls it."""
    scheme, separator, rest = url.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]


def _spare_this_machine(
    environ: dict[str, str], snapshot: Snapshot, ours: str, notes: list[str]
) -> None:
    """Whoever calls this machine needs no proxy: an app calls its own servers, and us."""
    said = f"{environ.get(NO_PROXY, '')},{environ.get(NO_PROXY.lower(), '')}"
    entries = [entry.strip() for entry in said.split(",") if entry.strip()]
    for entry in dict.fromkeys(entries):
        missed = [host for host in snapshot.hosts if _names(entry, host)]
        if missed:
            notes.append(
                f"NO_PROXY has {entry!r}: calls to {', '.join(sorted(missed))} do not come through "
                "Understudy unless a base URL leads them here"
            )
    value = ",".join(dict.fromkeys((*entries, *LOOPBACK, ours)))
    environ[NO_PROXY] = environ[NO_PROXY.lower()] = value


def _names(entry: str, host: str) -> bool:
    """Whether an entry of NO_PROXY keeps calls to a host (or host:port) away from us that would
    come otherwise. Such entries are not standardised: https://curl.se/docs/manpage.html#NOPROXY."""
    bare = host if host.endswith("]") else host.rpartition(":")[0] or host
    if bare.strip("[]") in LOOPBACK:
        return False
    if entry.count(":") > 1:  # an IPv6 address
        return bare.strip("[]") == entry.strip("[]").lower()
    suffix = entry.lower().removeprefix("*").partition(":")[0].removeprefix(".")
    return not suffix or bare == suffix or bare.endswith(f".{suffix}")


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""
