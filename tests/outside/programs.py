"""Programs that know nothing of Understudy, each as its users would write it.

Each prints two lines of JSON: the text of a plain answer, and that of a streamed one.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MODULES = Path(sys.prefix) / "node"

_PY_HTTP = """
import json, os
URL = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions"
KEY = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
def plain(body):
    print(json.dumps(body["choices"][0]["message"]["content"]))
def streamed(lines):
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    print(json.dumps("".join(delta.get("content") or "" for delta in deltas)))
"""
_PYTHON = {
    "openai": """
import json
from openai import OpenAI
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
chat = OpenAI().chat.completions
print(json.dumps(chat.create(**asked).choices[0].message.content))
chunks = [chunk for chunk in chat.create(**asked, stream=True) if chunk.choices]
print(json.dumps("".join(chunk.choices[0].delta.content or "" for chunk in chunks)))
""",
    "anthropic": """
import json
from anthropic import Anthropic
asked = {"model": "a-model", "max_tokens": 99,
         "messages": [{"role": "user", "content": "Hi"}]}
messages = Anthropic().messages
print(json.dumps(messages.create(**asked).content[0].text))
with messages.stream(**asked) as stream:
    print(json.dumps("".join(stream.text_stream)))
""",
    "httpx": _PY_HTTP
    + """
import httpx
with httpx.Client(headers=KEY) as client:
    plain(client.post(URL, json=ASKED).raise_for_status().json())
    with client.stream("POST", URL, json={**ASKED, "stream": True}) as answer:
        streamed(answer.raise_for_status().iter_lines())
""",
    "requests": _PY_HTTP
    + """
import requests
with requests.Session() as session:
    answer = session.post(URL, headers=KEY, json=ASKED, timeout=10)
    answer.raise_for_status()
    plain(answer.json())
    with session.post(
        URL, headers=KEY, json={**ASKED, "stream": True}, stream=True, timeout=10
    ) as answer:
        answer.raise_for_status()
        streamed(answer.iter_lines(decode_unicode=True))
""",
    "aiohttp": _PY_HTTP
    + """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(
        trust_env=True, headers=KEY, raise_for_status=True
    ) as session:
        async with session.post(URL, json=ASKED) as answer:
            plain(await answer.json())
        async with session.post(URL, json={**ASKED, "stream": True}) as answer:
            streamed([line.decode() async for line in answer.content])
asyncio.run(main())
""",
    "urllib": _PY_HTTP
    + """
from urllib.request import Request, urlopen
KEY["Content-Type"] = "application/json"
ask = lambda asked: urlopen(Request(URL, json.dumps(asked).encode(), KEY), timeout=10)
with ask(ASKED) as answer:
    plain(json.load(answer))
with ask({**ASKED, "stream": True}) as answer:
    streamed(line.decode() for line in answer)
""",
}
_JS_HTTP = """
const url = (process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1") + "/chat/completions";
const headers = { "Authorization": `Bearer ${process.env.OPENAI_API_KEY}`,
  "Content-Type": "application/json" };
const asked = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const plain = (text) => console.log(JSON.stringify(JSON.parse(text).choices[0].message.content));
const streamed = (text) => console.log(JSON.stringify(text.split("\\n")
  .filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)).choices[0])
  .map((choice) => choice?.delta.content ?? "").join("")));
"""
_NODE = {
    "node fetch": _JS_HTTP
    + """
const ask = (asked) => fetch(url, { method: "POST", headers, body: JSON.stringify(asked) });
plain(await (await ask(asked)).text());
let text = "";
const decoder = new TextDecoder();
for await (const chunk of (await ask({ ...asked, stream: true })).body)
  text += decoder.decode(chunk, { stream: true });
streamed(text);
""",
    "node request": _JS_HTTP
    + """
import http from "node:http";
import https from "node:https";
const ask = (asked) => new Promise((done, failed) => {
  const request = (url.startsWith("https:") ? https : http).request;
  const sent = request(url, { method: "POST", headers }, (answer) => {
    let text = "";
    answer.on("data", (chunk) => { text += chunk; }).on("end", () => done(text));
  });
  sent.on("error", failed);
  sent.end(JSON.stringify(asked));
});
plain(await ask(asked));
streamed(await ask({ ...asked, stream: true }));
""",
    "node openai": """
import OpenAI from "openai";
const asked = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const chat = new OpenAI().chat.completions;
console.log(JSON.stringify((await chat.create(asked)).choices[0].message.content));
let text = "";
for await (const chunk of await chat.create({ ...asked, stream: true }))
  text += chunk.choices[0]?.delta?.content ?? "";
console.log(JSON.stringify(text));
""",
    "node anthropic": """
import Anthropic from "@anthropic-ai/sdk";
const asked = { model: "a-model", max_tokens: 99,
  messages: [{ role: "user", content: "Hi" }] };
const messages = new Anthropic().messages;
console.log(JSON.stringify((await messages.create(asked)).content[0].text));
let text = "";
messages.stream(asked).on("text", (piece) => { text += piece; })
  .on("end", () => console.log(JSON.stringify(text)));
""",
}
_PACKAGES = {"node openai": "openai", "node anthropic": "@anthropic-ai/sdk"}
_CURL = """
url="${OPENAI_BASE_URL:-https://api.openai.com/v1}/chat/completions"
ask() { curl -sS --fail-with-body -N "$url" -H "Authorization: Bearer $OPENAI_API_KEY" \
  -H "Content-Type: application/json" -d "$1"; }
ask '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}' | "$PYTHON" -c '
import json, sys; print(json.dumps(json.load(sys.stdin)["choices"][0]["message"]["content"]))'
ask '{"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}' |
  "$PYTHON" -c '
import json, sys
events = [json.loads(line[6:]) for line in sys.stdin if line.startswith("data: {")]
print(json.dumps("".join(e["choices"][0]["delta"].get("content") or "" for e in events)))'
"""
_GO = """package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

type event struct {
	Choices []struct{ Message, Delta struct{ Content string } }
}

func ask(stream string) *http.Response {
	base := os.Getenv("OPENAI_BASE_URL")
	if base == "" {
		base = "https://api.openai.com/v1"
	}
	body := `{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]` + stream + `}`
	request, err := http.NewRequest("POST", base+"/chat/completions", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	return answer
}

func main() {
	var whole event
	if err := json.NewDecoder(ask("").Body).Decode(&whole); err != nil {
		panic(err)
	}
	fmt.Printf("%q\\n", whole.Choices[0].Message.Content)
	text := ""
	lines := bufio.NewScanner(ask(`, "stream": true`).Body)
	for lines.Scan() {
		var said event
		if !strings.HasPrefix(lines.Text(), "data: {") {
			continue
		}
		if err := json.Unmarshal([]byte(lines.Text()[6:]), &said); err != nil {
			panic(err)
		}
		if len(said.Choices) > 0 {
			text += said.Choices[0].Delta.Content
		}
	}
	fmt.Printf("%q\\n", text)
}
"""


@dataclass(frozen=True)
class Program:
    """`lacks` says what of it is not here, `provider` whom it calls."""

    name: str
    words: tuple[str, ...]
    folder: Path | None = None
    lacks: str = ""
    source: str = ""

    @property
    def provider(self) -> str:
        return "anthropic" if "anthropic" in self.name else "openai"


def _python(name: str, source: str) -> Program:
    lacks = "" if find_spec(name) else f"the Python package {name} is not here"
    return Program(name, (sys.executable, "-c", source), lacks=lacks)


def _node(name: str, source: str) -> Program:
    node, package = shutil.which("node"), _PACKAGES.get(name, "")
    lacks = "" if node else "Node is not here"
    if package and not (MODULES / "node_modules" / package).is_dir():
        lacks = f"the Node package {package} is not here"
    words = (node or "node", "--input-type=module", "-e", source)
    return Program(name, words, MODULES if package else None, lacks)


def _tool(name: str, words: tuple[str, ...], source: str = "") -> Program:
    return Program(
        name, words, lacks="" if shutil.which(name) else f"{name} is not here", source=source
    )


PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        *(_python(name, source) for name, source in _PYTHON.items()),
        *(_node(name, source) for name, source in _NODE.items()),
        _tool("curl", ("sh", "-c", f"PYTHON='{sys.executable}'; {_CURL}")),
        _tool("go", ("./program",), _GO),
    )
}
