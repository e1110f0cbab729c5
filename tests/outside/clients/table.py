"""The client programs by the three ways in: what each is given, and what the README says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from proxy.launch.node import node_variables
from tests.outside.clients.family import (
    ANTHROPIC,
    COHERE,
    GEMINI,
    OPENAI,
    Asked,
    Family,
)
from tests.outside.policies import APP_KEY


class Way(StrEnum):
    BASE_URL = "base URL"
    HTTP_PROXY = "`HTTP_PROXY`"
    HTTPS_PROXY = "`HTTPS_PROXY`"


@dataclass(frozen=True)
class Door:
    """Where the proxy is, and how it is trusted: by what `understudy ca` says to export, in a
    `.wgetrc`, or in a key store of Java's."""

    listen: str
    exports: Mapping[str, str]
    wgetrc: Path
    key_store: Path


Given = Callable[[Door], Mapping[str, str]]


def _nothing(door: Door) -> Mapping[str, str]:
    return {}


def _node(door: Door) -> Mapping[str, str]:
    return node_variables({})


def _java(door: Door) -> Mapping[str, str]:
    host, _, port = door.listen.removeprefix("http://").rpartition(":")
    proxied = {"Host": host, "Port": port}
    said = {
        f"{of}.proxy{name}": value for of in ("http", "https") for name, value in proxied.items()
    }
    said["javax.net.ssl.trustStore"] = str(door.key_store)
    said["javax.net.ssl.trustStorePassword"] = "changeit"
    return {"JAVA_TOOL_OPTIONS": " ".join(f"-D{name}={value}" for name, value in said.items())}


CHAT, STREAM, VECTOR = Asked.CHAT, Asked.STREAM, Asked.VECTOR
NODE_NEEDS = "with `NODE_USE_ENV_PROXY=1` ¹"
JAVA_NEEDS = "with `-Dhttp.proxyHost=…` ²"


@dataclass(frozen=True)
class Client:
    """`package` is what has to be installed for it. `asks` is what it asks, in order; after that it
    asks for chat once more. `needs` tells what it wants beside variables to use a proxy at all:
    `arguments`, or what `proxied` adds to its environment. `silent` is of which answers it shows no
    header fields."""

    name: str
    program: str
    package: str
    family: Family = OPENAI
    asks: tuple[Asked, ...] = (CHAT, STREAM, VECTOR)
    trust: str = "SSL_CERT_FILE"
    needs: str = ""
    arguments: tuple[str, ...] = ()
    proxied: Given = _nothing
    trusting: Given | None = None
    silent: tuple[Asked, ...] = ()

    def environ(self, way: Way, door: Door) -> dict[str, str]:
        """All that it is told."""
        family = self.family
        said = {family.key: APP_KEY}
        if way is Way.BASE_URL:
            return said | {family.base_url: f"{door.listen}/{family.name}{family.suffix}"}
        if way is Way.HTTP_PROXY:
            said |= {family.base_url: f"http://{family.plain_host}{family.suffix}"}
            said |= {"HTTP_PROXY": door.listen, "http_proxy": door.listen}
            return said | dict(self.proxied(door))
        said |= {"HTTPS_PROXY": door.listen, "https_proxy": door.listen}
        if self.trusting is None:
            trusting: Mapping[str, str] = {self.trust: door.exports[self.trust]}
        else:
            trusting = self.trusting(door)
        return said | dict(self.proxied(door)) | dict(trusting)

    def words(self, way: Way) -> list[str]:
        return [] if way is Way.BASE_URL else list(self.arguments)

    def cell(self, way: Way) -> str:
        if way is Way.BASE_URL:
            return "yes"
        if way is Way.HTTP_PROXY:
            return self.needs or "yes"
        trust = self.trust if " " in self.trust else f"`{self.trust}`"
        return f"{self.needs or 'yes'}; {trust}"

    @property
    def shown(self) -> str:
        return ", ".join(dict.fromkeys(self.asks))


def _of_node(name: str, program: str, package: str = "", family: Family = OPENAI) -> Client:
    asks = (CHAT, STREAM, VECTOR)[: len(family.targets)]
    more = "NODE_EXTRA_CA_CERTS"
    return Client(name, program, package, family, asks, more, NODE_NEEDS, proxied=_node)


TWICE = (CHAT, STREAM, VECTOR) * 2
CLIENTS = (
    Client("Python: openai, sync and async", "with_openai.py", "openai", asks=TWICE),
    Client(
        "Python: anthropic, sync and async",
        "with_anthropic.py",
        "anthropic",
        ANTHROPIC,
        (CHAT, STREAM) * 2,
    ),
    Client("Python: google-genai", "with_google_genai.py", "google.genai", GEMINI, (CHAT, STREAM)),
    Client("Python: cohere", "with_cohere.py", "cohere", COHERE),
    Client(
        "Python: LangChain (langchain-openai)",
        "with_langchain.py",
        "langchain_openai",
        silent=(VECTOR,),
    ),
    Client("Python: requests", "with_requests.py", "requests", trust="REQUESTS_CA_BUNDLE"),
    Client(
        "Python: httpx, sync and async",
        "with_httpx.py",
        "httpx",
        asks=(CHAT, STREAM, VECTOR, CHAT, STREAM),
    ),
    Client(
        "Python: httpx2, sync and async",
        "with_httpx2.py",
        "httpx2",
        asks=(CHAT, STREAM, VECTOR, CHAT, STREAM),
    ),
    Client(
        "Python: aiohttp",
        "with_aiohttp.py",
        "aiohttp",
        needs="with `trust_env=True`",
        arguments=("--trust-env",),
    ),
    Client("Python: urllib", "with_urllib.py", "urllib"),
    _of_node("Node: openai", "with_openai.mjs", "openai"),
    _of_node("Node: @anthropic-ai/sdk", "with_anthropic.mjs", "@anthropic-ai/sdk", ANTHROPIC),
    _of_node("Node: fetch", "with_fetch.mjs"),
    _of_node("Node: http.request, https.request", "with_https.mjs"),
    Client(
        "Node: undici",
        "with_undici.mjs",
        "undici",
        trust="NODE_EXTRA_CA_CERTS",
        needs="with its `EnvHttpProxyAgent`",
        arguments=("--env-proxy",),
    ),
    Client("Node: axios", "with_axios.mjs", "axios", trust="NODE_EXTRA_CA_CERTS"),
    Client("Go: net/http", "with_net_http.go", ""),
    Client(
        "Java: java.net.http",
        "WithHttpClient.java",
        "",
        trust="its key store ²",
        needs=JAVA_NEEDS,
        proxied=_java,
        trusting=_nothing,
    ),
    Client("curl", "with_curl.sh", "curl", trust="CURL_CA_BUNDLE"),
    Client(
        "wget",
        "with_wget.sh",
        "wget",
        trust="`ca_certificate` in `.wgetrc`",
        trusting=lambda door: {"WGETRC": str(door.wgetrc)},
    ),
)


GIT = ("git", "yes", "yes", "yes: carried unread", "ls-remote, from a host of no upstream ³")


def table() -> str:
    """In the README's form."""
    head = ["client", *map(str, Way), "shown"]
    rows = [[client.name, *map(client.cell, Way), client.shown] for client in CLIENTS]
    lines = [head, ["---"] * len(head), *rows, GIT]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
