"""The official Node SDK, told nothing but its base URL: whole answers, or exceptions."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.faults.table import AFTER_A_WORD, BEFORE_A_WORD
from proxy.drill.server.turn import Fault
from tests.outside.policies import APP_KEY, Providers, two
from tests.outside.process import Serving, environment, policy, serving
from tests.provider import Provider

NODE = shutil.which("node")
MODULES = Path(sys.prefix) / "node"
FAULTS = {
    "no fault": GOOD,
    **{name: BEFORE_A_WORD[name] for name in ("reset", "unavailable", "error_event_first")},
    **{name: AFTER_A_WORD[name] for name in ("cut_after_a_word", "no_end_after_a_word")},
}
APP = """
const { OpenAI } = require("openai");
const question = { model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] };
const chat = new OpenAI({ maxRetries: 0 }).chat.completions;
async function plain() {
  return (await chat.create(question)).choices[0].message.content;
}
async function streamed() {
  let text = "", finished = false;
  for await (const chunk of await chat.create({ ...question, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finished ||= Boolean(chunk.choices[0]?.finish_reason);
  }
  return finished ? text : `short: ${text}`;
}
const told = (asked) => asked().catch((error) => `${error.constructor.name}`);
(async () => console.log(JSON.stringify([await told(plain), await told(streamed)])))();
"""

pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "node_modules" / "openai").is_dir(),
    reason="Node or its openai package is not here",
)


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = two(providers).replace("attempts: 2", "attempts: 1")
    with serving(policy(tmp_path_factory.mktemp("node"), text)) as running:
        yield running


@pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
def test_answers_are_whole_or_exceptions(
    proxy: Serving, first: Provider, second: Provider, fault: Fault
) -> None:
    assert NODE is not None
    first.plays(fault)
    done = subprocess.run(
        [NODE, "-e", APP],
        cwd=MODULES,
        env=environment(
            {"OPENAI_BASE_URL": f"{proxy.listen}/openai/v1", "OPENAI_API_KEY": APP_KEY}
        ),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    plain, streamed = json.loads(done.stdout)
    if fault is GOOD:
        assert (plain, streamed) == (first.text, first.text)
    elif fault in AFTER_A_WORD.values():
        assert plain in (first.text, second.text)
        assert streamed == "APIError"
    else:
        assert (plain, streamed) == (second.text, second.text)
