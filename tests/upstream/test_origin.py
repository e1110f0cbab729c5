"""Where upstreams live, and how a path asked of one is asked of another."""

import pytest

from proxy.upstream.origin import Origin


@pytest.mark.parametrize(
    ("url", "authority", "port", "prefix"),
    [
        ("https://api.openai.com", "api.openai.com", 443, ""),
        ("https://openrouter.ai/api", "openrouter.ai", 443, "/api"),
        ("http://127.0.0.1:11434", "127.0.0.1:11434", 11434, ""),
        ("https://gateway.example:443/a/b", "gateway.example", 443, "/a/b"),
        ("http://[::1]:8080", "[::1]:8080", 8080, ""),
    ],
)
def test_a_url_taken_apart(url: str, authority: str, port: int, prefix: str) -> None:
    origin = Origin.of(url)
    assert (origin.authority, origin.port, origin.prefix) == (authority, port, prefix)


@pytest.mark.parametrize(
    ("source", "target", "path", "rebased"),
    [
        ("https://a.example", "https://b.example", "/v1/x?y=%2F", "/v1/x?y=%2F"),
        ("https://a.example", "https://b.example/api", "/v1/x", "/api/v1/x"),
        ("https://a.example/openai", "https://b.example", "/openai/v1/x", "/v1/x"),
        ("https://a.example/openai", "https://b.example/api", "/openai/v1/x", "/api/v1/x"),
        ("https://a.example/open", "https://b.example", "/openai/v1/x", "/openai/v1/x"),
    ],
)
def test_only_the_prefix_changes(source: str, target: str, path: str, rebased: str) -> None:
    assert Origin.of(target).rebase(path, Origin.of(source)) == rebased
