"""What a policy says of tunnels, of requests that are kept, and of TLS with upstreams."""

from pathlib import Path

import pytest

from proxy.policy.document import Source
from proxy.policy.editor import json_schema
from proxy.policy.load import load
from proxy.policy.size import spell_size
from proxy.policy.snapshot import Snapshot
from proxy.policy.tls import Tls, TlsFiles, Unusable
from tests.policy.loading import OPENAI, loaded, refused

FILES = "version: 1\nupstreams: {u: {dialect: raw, url: 'https://x', %s}}\n"


def test_what_nobody_said() -> None:
    snapshot = loaded(OPENAI)
    assert snapshot.connect_ports == {443}
    assert snapshot.on_pinning == "refuse"
    assert snapshot.replay_limit == 8 * 2**20
    assert snapshot.upstreams["openai"].tls is None


def test_what_was_said() -> None:
    said = "connect_ports: [443, '8443']\non_pinning: tunnel\nreplay_limit: 64KiB\n"
    snapshot = loaded(OPENAI + said)
    assert snapshot.connect_ports == {443, 8443}
    assert (snapshot.on_pinning, snapshot.replay_limit) == ("tunnel", 65536)
    assert loaded(OPENAI + "connect_ports: 8443\n").connect_ports == {8443}
    assert loaded(OPENAI + "connect_ports: '${PORT}'\n", PORT="22").connect_ports == {22}


def test_another_word_is_another_digest() -> None:
    said = (
        "",
        "connect_ports: 22",
        "on_pinning: tunnel",
        "replay_limit: 1MiB",
        "passthrough: deny",
    )
    texts = [OPENAI + each for each in (*said, "passthrough: [a.test]", "passthrough: [b.test]")]
    assert len({loaded(text).digest for text in texts}) == len(texts)
    assert loaded(OPENAI + "replay_limit: 8MiB").digest == loaded(OPENAI).digest


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("connect_ports: [0]", "3:17: 0 is too small for 'connect_ports'; write at least 1"),
        ("connect_ports: [65536]", "3:17: 65536 is too large for 'connect_ports'; write at most "),
        ("connect_ports: [x]", "3:17: 'connect_ports' wants a whole number, not 'x'"),
        ("connect_ports: [true]", "3:17: true is no number; write a number, like 2"),
        ("connect_ports: []", "3:16: 'connect_ports' is empty; name at least one"),
        (
            "on_pinning: tunel",
            "3:13: unknown word 'tunel' for 'on_pinning'; did you mean 'tunnel'?",
        ),
        ("replay_limit: 8", "3:15: 8 is out of bounds; write 64KiB to 1GiB"),
        ("replay_limit: 8MB", "3:15: '8MB' is no size; write a number and a unit, like 64KiB or "),
        ("replay_limit: 1KiB", "3:15: '1KiB' is out of bounds; write 64KiB to 1GiB"),
        ("replay_limit: 2GiB", "3:15: '2GiB' is out of bounds; write 64KiB to 1GiB"),
        ("replay_limit: true", "3:15: true is no size; "),
    ],
)
def test_mistakes(said: str, complaint: str) -> None:
    (told,) = refused(f"{OPENAI}{said}\n")
    assert told.startswith(f"a.yaml:{complaint}")


def test_said_in_two_files() -> None:
    (told,) = refused(OPENAI + "replay_limit: 1MiB\n", "replay_limit: 2MiB\n")
    assert "key 'replay_limit' is defined twice" in told


def test_a_default_is_shown_as_a_file_would_say_it() -> None:
    shown = json_schema()["properties"]
    assert shown["replay_limit"]["default"] == "8MiB"
    assert shown["connect_ports"]["default"] == [443]
    words, entries, _ = shown["passthrough"]["anyOf"]
    assert words == {"enum": ["allow", "deny"]}
    assert entries["items"] == {"type": "string"}


@pytest.mark.parametrize(("size", "told"), [(2**20, "1MiB"), (65536, "64KiB"), (3, "3 bytes")])
def test_sizes_in_words(size: int, told: str) -> None:
    assert spell_size(size) == told


class Looked:
    """Somebody who has a look at files, and says what was found."""

    def __init__(self, *wrong: Unusable, content: str = "one") -> None:
        self.wrong = wrong
        self.content = content
        self.seen: list[TlsFiles] = []

    def __call__(self, files: TlsFiles) -> Tls | tuple[Unusable, ...]:
        self.seen.append(files)
        return self.wrong or Tls(files.ca_file, files.cert_file, files.key_file, self.content)

    def load(self, files: str, folder: str = "folder") -> Snapshot:
        return load([Source(f"{folder}/a.yaml", FILES % files)], {}, self)


def test_files_lie_beside_the_policy_that_names_them() -> None:
    looked = Looked()
    snapshot = looked.load("ca_file: certs/ca.pem, cert_file: /etc/us.pem, key_file: ../us.key")
    beside = TlsFiles("folder/certs/ca.pem", "/etc/us.pem", "folder/../us.key")
    assert looked.seen == [beside]
    tls = snapshot.upstreams["u"].tls
    assert tls is not None
    assert tls.cert_file == "/etc/us.pem"


def test_what_is_wrong_with_a_file_has_its_place() -> None:
    looked = Looked(
        Unusable("ca_file", "'ca_file' holds no certificate", "write one"),
        Unusable("key_file", "its key is another's", "name its own"),
    )
    files = "ca_file: a, cert_file: b, key_file: c"
    with pytest.raises(Exception, match="holds no certificate") as caught:
        looked.load(files)
    line = (FILES % files).splitlines()[1]
    assert str(caught.value).splitlines() == [
        f"folder/a.yaml:2:{line.index('a, cert') + 1}: 'ca_file' holds no certificate; write one",
        f"folder/a.yaml:2:{line.rindex('c}') + 1}: its key is another's; name its own",
    ]


def test_the_digest_is_of_what_is_in_the_files_and_not_of_where_they_lie() -> None:
    one, two = Looked(), Looked(content="two")
    assert one.load("ca_file: a").digest == one.load("ca_file: a", folder="elsewhere").digest
    assert one.load("ca_file: a").digest != two.load("ca_file: a").digest
    assert one.load("ca_file: a").digest != one.load("prefill: false").digest


def test_a_key_without_a_certificate() -> None:
    (told,) = refused(FILES % "key_file: us.key")
    assert "a key needs the certificate that it is for; name that too: cert_file" in told


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_files_that_are_not_used_are_doubted(key: str) -> None:
    text = (FILES % f"{key}: a.pem").replace("https://x", "http://x")
    (warning,) = loaded(text).warnings
    assert f"'{key}' is not used: the url is http; write an https url" in warning


def test_an_empty_name_of_a_file() -> None:
    (told,) = refused(FILES % "ca_file: ''")
    assert "'ca_file' is empty" in told


def test_paths_are_as_portable_as_the_policy(tmp_path: Path) -> None:
    looked = Looked()
    load([Source(str(tmp_path / "a.yaml"), FILES % "ca_file: ca.pem")], {}, looked)
    assert looked.seen[0].ca_file == str(tmp_path / "ca.pem")
