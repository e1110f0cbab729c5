"""What a process takes of the machine."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Footprint:
    """Resident memory and open descriptors, these only where there is a /proc to ask (else 0)."""

    memory_bytes: int
    descriptors: int


def footprint(pid: int) -> Footprint:
    proc = Path(f"/proc/{pid}")
    if proc.exists():
        pages = int((proc / "statm").read_text().split()[1])
        return Footprint(pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(proc / "fd")))
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return Footprint(int(told.stdout) * 1024, 0)
