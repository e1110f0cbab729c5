"""What Node is told, and what its older versions then do: their own requests, through a proxy."""

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.launch.node import PRELOAD, node_variables
from tests.launch.relay import Relay

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not here")


def test_options_of_the_user_stay_and_come_first() -> None:
    options = node_variables({"NODE_OPTIONS": "--max-old-space-size=64"})["NODE_OPTIONS"]
    assert options == f'--max-old-space-size=64 --require "{PRELOAD}"'


def test_a_program_within_a_program_is_not_told_twice() -> None:
    once = node_variables({})
    assert node_variables(once) == once


def test_it_is_a_file_of_the_package() -> None:
    assert PRELOAD.is_file()


@needs_node
def test_a_path_with_blanks_and_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / 'it is "here" \\ now'
    folder.mkdir()
    copy = folder / "preload.cjs"
    copy.write_text("process.stdout.write('loaded ')")
    monkeypatch.setattr("proxy.launch.node.PRELOAD", copy)
    assert _node("-e", "process.stdout.write('ran')", environ=node_variables({})) == "loaded ran"


def _node(*arguments: str, environ: dict[str, str]) -> str:
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments],
        env={"PATH": os.environ["PATH"]} | environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with Relay(tmp_path_factory.mktemp("relay")) as relay:
        yield relay


def _asked(relay: Relay, script: str, **more: str) -> tuple[list[object], list[str]]:
    """What a program prints as JSON, and what the proxy was asked meanwhile."""
    relay.seen.clear()
    user = f"http://understudy:token@127.0.0.1:{relay.port}"
    told = {"HTTP_PROXY": user, "HTTPS_PROXY": user, "NO_PROXY": "127.0.0.1,::1,spared.test"}
    environ = told | {"NODE_EXTRA_CA_CERTS": str(relay.certificate)} | node_variables({}) | more
    del environ["NODE_USE_ENV_PROXY"]  # else a newer Node would not show what the preload does
    return json.loads(_node("--input-type=module", "-e", script, environ=environ)), relay.seen


ASK = """
import http, { request } from "node:http";
import https from "node:https";
const ask = (asked, options, body) => new Promise((done) => {
  const sent = asked(options, (answer) => {
    let text = "";
    answer.on("data", (chunk) => { text += chunk; }).on("end", () => done(text));
  });
  sent.on("error", (error) => done(`${error.code}`));
  sent.end(body);
});
const told = (...answers) => console.log(JSON.stringify(answers));
"""


@needs_node
def test_http_requests_name_their_server(relay: Relay) -> None:
    answers, seen = _asked(
        relay,
        ASK
        + """told(
        await ask(request, "http://api.test/one?x=1"),
        await ask(request, { host: "api.test", port: 81, path: "/two", method: "POST" }, "hi"),
        await ask(request, { host: "api.test", headers: ["Host", "api.test", "X-Y", "1"] }),
        await ask(http.request, { host: "api.test", agent: new http.Agent({ keepAlive: true }) }),
        await ask(http.request, { host: "api.test", agent: false }),
        );process.exit()""",
    )
    assert seen == [
        "GET http://api.test/one?x=1",
        "POST http://api.test:81/two",
        "GET http://api.test/",
        "GET http://api.test/",
        "GET http://api.test/",
    ]
    assert answers == ["plain "] * 1 + ["plain hi"] + ["plain "] * 3


@needs_node
def test_https_requests_share_a_tunnel(relay: Relay) -> None:
    answers, seen = _asked(
        relay,
        ASK
        + """const agent = new https.Agent({ keepAlive: true }), answers = [];
        for (const path of ["/1", "/2", "/3"])
          answers.push(await ask(https.request, { host: "api.test", path, agent }));
        agent.destroy();
        told(...answers, await ask(https.request, "https://api.test/4"));process.exit()""",
    )
    assert answers == ["secure "] * 4
    assert seen == ["CONNECT api.test:443"] * 2


@needs_node
def test_fetch_streams_and_shares_a_tunnel(relay: Relay) -> None:
    answers, seen = _asked(
        relay,
        """const texts = [];
        for (const body of ["a", "b", "c"])
          texts.push(await (await fetch("https://api.test/", { method: "POST", body })).text());
        texts.push(await (await fetch("http://api.test/plain?x")).text());
        const [first, ...others] = await Array.fromAsync?.((await fetch("https://api.test/")).body)
          ?? await (async () => { const all = [];
            for await (const chunk of (await fetch("https://api.test/")).body) all.push(chunk);
            return all; })();
        console.log(JSON.stringify([...texts, Buffer.from(first).toString(), others.length > 0]));
        process.exit()""",
    )
    assert answers == ["secure a", "secure b", "secure c", "plain ", "secure", True]
    assert seen[0] == "CONNECT api.test:443"
    assert "GET http://api.test/plain?x" in seen
    assert len(seen) <= 3, "three fetches went through one tunnel"


@needs_node
def test_servers_that_are_spared_are_called_directly(relay: Relay) -> None:
    answers, seen = _asked(
        relay,
        ASK
        + f"""told(
        await ask(request, "http://127.0.0.1:{relay.origin_port}/"),
        await (await fetch("http://127.0.0.1:{relay.origin_port}/")).text(),
        await ask(https.request, "https://spared.test/"),
        await ask(https.request, "https://sub.spared.test/"),
        );process.exit()""",
    )
    assert answers[:2] == ["plain ", "plain "]
    assert set(answers[2:]) <= {"ENOTFOUND", "EAI_AGAIN"}
    assert seen == []


@needs_node
def test_a_refused_tunnel_is_an_error(relay: Relay) -> None:
    answers, seen = _asked(
        relay,
        ASK
        + """told(
        await ask(https.request, "https://refused.test/"),
        await fetch("https://refused.test/").catch((error) => error.cause.code),
        await ask(https.request, "https://wrong.test/"),
        );process.exit()""",
    )
    assert answers == ["ERR_PROXY_TUNNEL", "ERR_PROXY_TUNNEL", "ERR_TLS_CERT_ALTNAME_INVALID"]
    assert len(seen) == 3


@needs_node
def test_without_a_proxy_nothing_is_changed() -> None:
    shown = _node(
        "-e",
        "const own = require('node:https').Agent.prototype.createConnection;"
        f"require({json.dumps(str(PRELOAD))});"
        "console.log(own === require('node:https').Agent.prototype.createConnection)",
        environ={},
    )
    assert shown == "true\n"


def test_the_relay_is_trusted_by_its_certificate(relay: Relay) -> None:
    assert ssl.create_default_context(cafile=str(relay.certificate))
