"""The advice for every kind of program and system, in words that a shell understands."""

import shutil
from pathlib import Path, PurePosixPath

import pytest

from proxy.trust.howto import Advice, advice
from tests.trust.parties import said

FOLDER = Path("/home/o'neil/Application Support/ca")
ADVICE = advice(FOLDER / "ca.pem", FOLDER / "bundle.pem", "Understudy CA 01234567")
SUBJECTS = ("curl", "requests", "httpx", "aiohttp", "Node", "Go", "Java", "git")
SYSTEMS = ("Debian", "Red Hat", "Alpine", "macOS", "Windows")


@pytest.mark.parametrize("subject", SUBJECTS + SYSTEMS)
def test_every_program_and_system_is_told_of(subject: str) -> None:
    [found] = [each for each in ADVICE if subject in each.subject]
    assert found.trust
    assert found.undo


@pytest.mark.skipif(not shutil.which("sh"), reason="there is no sh here")
@pytest.mark.parametrize("told", [each for each in ADVICE if "Windows" not in each.subject])
def test_paths_are_quoted_for_the_shell(told: Advice) -> None:
    assert said("sh", "-n", "-c", f"{told.trust}\n{told.undo}") == ""
    words = said("sh", "-c", f'for word in {told.trust.split("&&")[0]}; do echo "$word"; done')
    files = {PurePosixPath(word.partition("=")[2] or word) for word in words.splitlines()}
    assert files & {FOLDER / "ca.pem", FOLDER / "bundle.pem"} or "apk" in words


def test_what_takes_the_place_of_the_systems_certificates_has_them_too() -> None:
    replacing = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "sslCAInfo")
    for each in ADVICE:
        assert ("bundle.pem" in each.trust) is any(word in each.trust for word in replacing)
