"""With which files an upstream is spoken TLS to. They are read by who is asked to `look`."""

import os.path
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

FileKey = Literal["ca_file", "cert_file", "key_file"]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """As a policy names them; paths lead from where its file lies."""

    ca_file: str | None
    cert_file: str | None
    key_file: str | None

    def beside(self, policy_path: str) -> "TlsFiles":
        """The same, as they are named from where the policy file itself is."""
        folder = os.path.dirname(policy_path)
        files = (self.ca_file, self.cert_file, self.key_file)
        return TlsFiles(*(None if file is None else os.path.join(folder, file) for file in files))


@dataclass(frozen=True, slots=True)
class Tls:
    """Roots that are trusted beside the system's, and the certificate that we show.

    Paths are absolute. `content` is a hash of what is in the files: another is another policy.
    """

    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    content: str

    @property
    def files(self) -> tuple[str, ...]:
        named = (self.ca_file, self.cert_file, self.key_file)
        return tuple(file for file in named if file is not None)


class Unusable(NamedTuple):
    """What is wrong with the file under `key`, and what would be right."""

    key: FileKey
    wrong: str
    right: str


class Look(Protocol):
    """Who reads the files and tries them: floors 0 and 1 have no files and no TLS."""

    def __call__(self, files: TlsFiles) -> Tls | tuple[Unusable, ...]: ...


def unseen(files: TlsFiles) -> Tls:
    """Takes the files as they are named, without a look."""
    return Tls(files.ca_file, files.cert_file, files.key_file, repr(files))
