"""Where each key and value of a TOML text begins, which tomllib does not tell.

Trusts that tomllib has accepted the text, so it judges nothing.
"""

import re
import tomllib
from bisect import bisect_right

from proxy.policy.document import KeyPath, Position

_BLANK = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class TomlScanner:
    """One pass over `text`. Afterwards `keys` and `values` are filled."""

    def __init__(self, text: str) -> None:
        self.keys: dict[KeyPath, Position] = {}
        self.values: dict[KeyPath, Position] = {}
        self._text = text
        self._at = 0
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._last: dict[KeyPath, int] = {}  # of each array of tables: the index of its last one

    def scan(self) -> None:
        table: KeyPath = ()
        while self._blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)

    def _blank(self) -> str:
        """Skips blanks and comments. The character that follows, or nothing at the end."""
        self._at = self._match(_BLANK)
        return self._text[self._at : self._at + 1]

    def _match(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise AssertionError(f"tomllib and the scanner disagree at {self._position(self._at)}")
        return found.end()

    def _key(self) -> list[tuple[str, Position]]:
        """The words of a dotted key."""
        words = []
        while True:
            begin = self._at
            if self._blank() in ('"', "'"):
                begin = self._at
                self._string()
                word = tomllib.loads(f"k = {self._text[begin : self._at]}")["k"]
            else:
                begin = self._at
                self._at = self._match(_BARE_KEY)
                word = self._text[begin : self._at]
            words.append((word, self._position(begin)))
            if self._blank() != ".":
                return words
            self._at += 1

    def _string(self) -> None:
        for pattern in _STRINGS:
            found = pattern.match(self._text, self._at)
            if found is not None:
                self._at = found.end()
                return

    def _header(self) -> KeyPath:
        place = self._position(self._at)
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        words = self._key()
        self._at += 2 if double else 1
        path: KeyPath = ()
        for number, (word, position) in enumerate(words, 1):
            path = (*path, word)
            self.keys.setdefault(path, position)
            if double and number == len(words):
                self._last[path] = self._last.get(path, -1) + 1
                self.values.setdefault(path, place)
            if path in self._last:
                path = (*path, self._last[path])
        self.values.setdefault(path, place)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for word, position in self._key():
            path = (*path, word)
            self.keys.setdefault(path, position)
        self._at += 1  # the equals sign, where _key stopped
        self._blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self.values[path] = self._position(self._at)
        first = self._text[self._at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._at += 1
            index = 0
            while self._blank() != "]":
                self._value((*path, index))
                index += 1
                self._comma()
            self._at += 1
        elif first == "{":
            self._at += 1
            while self._blank() != "}":
                self._pair(path)
                self._comma()
            self._at += 1
        else:
            self._at = self._match(_BARE_VALUE)

    def _comma(self) -> None:
        if self._blank() == ",":
            self._at += 1
