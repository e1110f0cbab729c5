import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.telemetry.redact import MASK, MAX_TEXT, redact

_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Incorrect API key provided: sk-abcd1234efgh.", f"Incorrect API key provided: {MASK}"),
        ("key sk-ant-api03-abc_DEF-123 is bad", f"key {MASK} is bad"),
        ("Bearer abcdefgh rejected", f"Bearer {MASK} rejected"),
        ("Authorization: Bearer opaque-token", f"Authorization: Bearer {MASK}"),
        ('{"api_key": "short1"}', f'{{"api_key": "{MASK}"}}'),
        ("/v1/models?key=AIzaSyA1234567 not found", f"/v1/models?key={MASK} not found"),
        ("azure 0123456789abcdef0123456789abcdef", f"azure {MASK}"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.e30.abc", f"jwt {MASK}"),
        ("Basic dXNlcjpwYXNzMTIz refused", f"Basic {MASK} refused"),
        ("/v1/files/AbCdEfGh12345678AbCdEfGh", f"/v1/files/{MASK}"),
    ],
)
def test_keys_are_masked(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Rate limit reached for gpt-4o in organization on tokens per min. Try again in 1.2s.",
        "The model claude-3-5-sonnet-20241022 does not exist",
        "maximum token exceeded; basic authentication is off",
        "text-embedding-3-large, meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "request req_011CSHoEeqs5C35K2UUqR7Fy",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "Cannot connect to host 127.0.0.1:9 ssl:default [Connect call failed ('127.0.0.1', 9)]",
        "policies/default.yaml:12:5: unknown key 'retires'; did you mean 'retry'?",
    ],
)
def test_other_words_are_kept(text: str) -> None:
    assert redact(text) == text


def test_a_message_stays_on_its_line() -> None:
    assert redact("a\r\n2026 ERROR b\x1b[31m\u2028c\ud800") == (
        "a\\x0d\\x0a2026 ERROR b\\x1b[31m\\u2028c\\ud800"
    )


def test_a_long_message_is_cut_after_it_was_masked() -> None:
    text = "x" * (MAX_TEXT - 10) + " sk-abcdefghijklmnopqrst"
    assert len(redact(text)) <= MAX_TEXT
    assert "abcd" not in redact(text)


@given(
    st.text(max_size=60),
    st.sampled_from(("sk-", "Bearer ", "api_key=", "x-api-key: ", "gsk_", "AIza")),
    st.text(_ALPHANUMERIC, min_size=24, max_size=64),
    st.text(max_size=60),
)
def test_no_key_gets_through_whatever_stands_around_it(
    before: str, prefix: str, key: str, after: str
) -> None:
    assume(key not in before and key not in after)
    told = redact(f"{before} {prefix}{key} {after}")
    assert key not in told
    told.encode()
    assert "\n" not in told
