"""The threat model names tests: they exist, and each row of what is defended has one."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "THREAT_MODEL.md").read_text()


def test_every_defence_names_tests_that_exist() -> None:
    section = TEXT.partition("## What is defended")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \| .* \| (.*) \|$", section, re.MULTILINE)[1:]
    assert len(rows) > 15
    for threat, named in rows:
        files = re.findall(r"`(tests/[\w./]+)`", named)
        assert files, threat
        assert all((ROOT / file).exists() for file in files), threat
