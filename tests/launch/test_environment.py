"""What a program's environment becomes: led here where that is meant, and nothing besides."""

from pathlib import Path

import pytest

from proxy.launch.environment import Doors, Surroundings, _names, surroundings
from proxy.launch.variables import BASE_URLS
from proxy.trust.variables import TRUST
from tests.policy.loading import loaded

LISTEN = "http://127.0.0.1:4321"
TOKEN = "0123456789abcdef"
POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com}
  claude: {dialect: anthropic, url: "http://127.0.0.1:9", hosts: [api.anthropic.com]}
  openrouter: {dialect: openai, url: https://openrouter.ai/api}
  groq: {dialect: openai, url: https://api.groq.com/openai}
  ollama: {dialect: openai, url: "http://127.0.0.1:11434"}
  azure: {dialect: openai, url: https://mine.openai.azure.com}
"""


def _for(
    environ: dict[str, str], *, listen: str = LISTEN, token: str = "", base_urls: bool = True
) -> Surroundings:
    doors = Doors(listen, token, Path("/state/bundle.pem"))
    return surroundings(environ, loaded(POLICY), doors, base_urls=base_urls)


def test_sdks_are_led_to_the_upstream_on_their_own_host() -> None:
    found = _for({})
    assert {name: found.environ.get(name) for name, _ in BASE_URLS} == {
        "OPENAI_BASE_URL": f"{LISTEN}/openai/v1",
        "OPENAI_API_BASE": f"{LISTEN}/openai/v1",
        "ANTHROPIC_BASE_URL": f"{LISTEN}/claude",
        "GOOGLE_GEMINI_BASE_URL": None,
        "CO_API_URL": None,
        "GROQ_BASE_URL": None,
        "CEREBRAS_BASE_URL": None,
        "OLLAMA_HOST": f"{LISTEN}/ollama",
        "AZURE_OPENAI_ENDPOINT": None,
        "GOOGLE_VERTEX_BASE_URL": None,
        "ANTHROPIC_VERTEX_BASE_URL": None,
        "ANTHROPIC_FOUNDRY_BASE_URL": None,
    }
    assert found.notes == ()


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("https://api.openai.com/v1", "/openai/v1"),
        ("https://API.openai.com:443/v1/", "/openai/v1/"),
        ("https://openrouter.ai/api/v1", "/openrouter/v1"),
        ("https://openrouter.ai/api", "/openrouter"),
        ("https://api.groq.com/openai/v1", "/groq/v1"),
        ("https://mine.openai.azure.com/openai/v1", "/azure/openai/v1"),
        ("http://127.0.0.1:11434/v1", "/ollama/v1"),
        (" ", "/openai/v1"),
    ],
)
def test_what_is_set_to_the_host_of_an_upstream_leads_to_that_one(said: str, here: str) -> None:
    found = _for({"OPENAI_BASE_URL": said})
    assert found.environ["OPENAI_BASE_URL"] == LISTEN + here
    assert found.notes == ()


def test_the_proxy_itself_is_called_directly_wherever_it_listens() -> None:
    """A base URL that went through HTTP_PROXY would come back to us: a loop."""
    found = _for({"NO_PROXY": "a.test"}, listen="http://192.168.7.7:4321", token=TOKEN)
    assert found.environ["OPENAI_BASE_URL"] == f"http://192.168.7.7:4321/{TOKEN}/openai/v1"
    assert found.environ["NO_PROXY"] == "a.test,localhost,127.0.0.1,::1,192.168.7.7"
    assert found.environ["no_proxy"] == found.environ["NO_PROXY"]


def test_a_path_that_no_base_url_leads_to_is_left_to_interception() -> None:
    said = {"OPENAI_BASE_URL": "https://openrouter.ai/apix/v1"}
    found = _for(said)
    assert found.environ["OPENAI_BASE_URL"] == said["OPENAI_BASE_URL"]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("https://gateway.test/v1", "no upstream has the host gateway.test:443"),
        ("https://api.openai.com.evil.test/v1", "api.openai.com.evil.test:443"),
        ("http://127.0.0.1:11435/v1", "127.0.0.1:11435"),
        ("https://[half/v1", "holds no URL"),
        ("https://api.openai.com:99999/v1", "holds no URL"),
        ("ftp://api.openai.com/v1", "holds no URL"),
    ],
)
def test_what_leads_elsewhere_stays_and_is_named(said: str, why: str) -> None:
    found = _for({"OPENAI_BASE_URL": said})
    assert found.environ["OPENAI_BASE_URL"] == said
    (note,) = found.notes
    assert note.startswith("OPENAI_BASE_URL is left as it is")
    assert why in note


@pytest.mark.parametrize("said", ["127.0.0.1", "127.0.0.1:11434", "http://127.0.0.1:11434/"])
def test_ollama_is_named_without_a_scheme(said: str) -> None:
    assert _for({"OLLAMA_HOST": said}).environ["OLLAMA_HOST"].rstrip("/") == f"{LISTEN}/ollama"


def test_no_program_is_told_of_azure_unless_it_knows_of_it() -> None:
    said = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"}
    assert _for(said).environ["AZURE_OPENAI_ENDPOINT"] == f"{LISTEN}/azure/"


def test_without_base_urls_only_interception_is_left() -> None:
    found = _for({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, base_urls=False)
    assert found.environ["OPENAI_BASE_URL"] == "https://api.openai.com/v1"
    assert "ANTHROPIC_BASE_URL" not in found.environ
    assert found.environ["https_proxy"] == LISTEN


def test_proxy_variables_in_both_cases() -> None:
    environ = _for({"NO_PROXY": "a.test,localhost", "no_proxy": "b.test"}).environ
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        assert environ[name] == LISTEN
    for name in ("NO_PROXY", "no_proxy"):
        assert environ[name] == "a.test,localhost,b.test,127.0.0.1,::1"


def test_a_token_is_in_all_that_leads_here() -> None:
    found = _for({}, token=TOKEN)
    assert found.environ["HTTPS_PROXY"] == f"http://understudy:{TOKEN}@127.0.0.1:4321"
    assert found.environ["OPENAI_BASE_URL"] == f"{LISTEN}/{TOKEN}/openai/v1"
    assert TOKEN not in repr(found)
    assert TOKEN not in repr(Doors(LISTEN, TOKEN, Path("x")))


@pytest.mark.parametrize(
    ("listen", "here"),
    [
        ("http://0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://[::]:80", "http://[::1]:80"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://localhost:80", "http://localhost:80"),
    ],
)
def test_who_listens_everywhere_is_called_on_this_machine(listen: str, here: str) -> None:
    environ = _for({}, listen=listen).environ
    assert environ["HTTP_PROXY"] == here
    assert environ["OPENAI_BASE_URL"] == f"{here}/openai/v1"


def test_another_proxy_is_named_once_and_without_its_password() -> None:
    corporate = "http://me:secret@proxy.test:3128"
    said = {"HTTPS_PROXY": corporate, "http_proxy": corporate, "all_proxy": "socks5://s.test:1"}
    found = _for(said)
    first, second = found.notes
    assert "http://proxy.test:3128" in first
    assert "connects directly" in first
    assert "ALL_PROXY was socks5://s.test:1" in second
    assert "secret" not in first
    assert "all_proxy" not in found.environ


@pytest.mark.parametrize(
    "entry", ["*", "api.openai.com", ".openai.com", "*.openai.com", "OpenAI.com", "openai.com:443"]
)
def test_an_exemption_that_keeps_an_upstream_away_is_named(entry: str) -> None:
    found = _for({"no_proxy": f"other.test, {entry}"})
    (note,) = found.notes
    assert "api.openai.com" in note
    assert entry in found.environ["NO_PROXY"].split(",")


@pytest.mark.parametrize("entry", ["penai.com", "v1.api.openai.com", "127.0.0.1", "10.0.0.0/8"])
def test_other_exemptions_are_nobodys_business(entry: str) -> None:
    assert _for({"NO_PROXY": entry}).notes == ()


def test_everything_trusts_the_bundle() -> None:
    environ = _for({"REQUESTS_CA_BUNDLE": "/etc/corporate.pem"}).environ
    assert {environ[name] for name in TRUST} == {"/state/bundle.pem"}


def test_what_has_nothing_to_do_with_it_stays() -> None:
    given = {"HOME": "/home/me", "OPENAI_API_KEY": "sk-1", "ODD": "a=b\n"}
    environ = _for(given).environ
    assert {name: environ[name] for name in given} == given
    assert given == {"HOME": "/home/me", "OPENAI_API_KEY": "sk-1", "ODD": "a=b\n"}


def test_ipv6_in_no_proxy_keeps_no_provider_away() -> None:
    for entry in ("::1", "[::1]", "fe80::1"):
        assert not _names(entry, "api.openai.com")
    assert _names("::2", "[::2]")
    assert _names("*", "api.openai.com")
