"""Files that nobody else may read: looked at hard before they are believed, written whole or not.

On Windows a profile's folders belong to the user by their access lists, which are not looked at.
"""

import os
import secrets
import stat
import sys
from pathlib import Path

from proxy.trust.error import NotTrustworthy

MOST_BYTES = 1 << 20
"""More than any key or certificate has: what is larger is something else."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would never open
_BYTES = getattr(os, "O_BINARY", 0)


def make_folder(folder: Path) -> None:
    """`folder`, and those above it that lack, for this user alone, whatever the umask is.

    Raises NotTrustworthy where it cannot be made, or is there and others have a way into it.
    """
    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
            missing.chmod(0o700)
    except OSError as error:
        raise NotTrustworthy(
            f"{folder}: the folder of the CA cannot be made: {error.strerror}; make it, with mode "
            "0700, or name another --state-dir"
        ) from error
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Raises NotTrustworthy where anybody else can list, read or put files; FileNotFoundError where
    it is not there."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotTrustworthy(
            f"{folder}: the folder of the CA cannot be looked at: {error.strerror}; let its owner "
            "into it, or name another --state-dir"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise NotTrustworthy(f"{folder}: it is no folder; remove it, and one is made")
    _check(folder, found, "0700")


def read_own(file: Path, *, private: bool) -> bytes | None:
    """The content of `file`; None where there is none. A `private` one nobody else may read.

    Raises NotTrustworthy where it is a link, somebody else's, or cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | _NO_LINK | _BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "it is a link" if file.is_symlink() else str(error.strerror)
        raise NotTrustworthy(
            f"{file}: it cannot be read: {why}; put the file itself there, readable for its owner"
        ) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotTrustworthy(f"{file}: it is no file; remove it")
        _check(file, found, "0600" if private else "")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:  # which takes no folder
            return opened.read(MOST_BYTES)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result, mode: str) -> None:
    """Raises NotTrustworthy where others own `path`, or have any right where `mode` allows none."""
    if sys.platform == "win32":
        return
    me = os.geteuid()
    if found.st_uid != me:
        raise NotTrustworthy(
            f"{path}: it belongs to user {found.st_uid} and not to {me}, who runs this: whoever "
            f"owns it could read or change the CA's key; run: chown {me} {path}"
        )
    if mode and found.st_mode & _OTHERS:
        raise NotTrustworthy(
            f"{path}: its mode is {stat.S_IMODE(found.st_mode):04o}, so others have access to the "
            f"CA's key, and with it to what is sent over TLS; run: chmod {mode} {path}"
        )


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """`file` holds `content` under `mode`, whatever the umask is, or what it held before: also
    after a crash. Raises NotTrustworthy where it cannot be written."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BYTES, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                beside.chmod(mode)
                opened.write(content)
                opened.flush()
                os.fsync(descriptor)
            beside.replace(file)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _settle(file.parent)
    except OSError as error:
        raise NotTrustworthy(
            f"{file}: it cannot be written: {error.strerror}; make {file.parent} writable for its "
            "owner, or name another --state-dir"
        ) from error


def _settle(folder: Path) -> None:
    """Have a rename survive a loss of power. Windows opens no folders, and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
