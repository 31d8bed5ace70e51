"""What a process holds when it has started, moved into large pages of memory (Linux).

A request of Python's touches thousands of small objects all over the heap. In pages of 4 KiB each of them wants an
entry in the processor's table of addresses, which is too small for that; on a virtual machine a missing entry is looked
up twice. Pages of 2 MiB spare some tenth of a request's CPU time (docs/performance.md).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LARGE = 2 << 20
"""Bytes of a large page, as x86-64 and most of ARM have it; a system that differs refuses."""

_COLLAPSE = 25  # MADV_COLLAPSE of Linux 6.1: at once, and only what it is told
_HELD = 0.5  # of a page's bytes: what is mostly empty would cost more memory than it spares time
_ENTRY, _PRESENT = 8, 1 << 63  # of /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst)
_POLICY = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_HEAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p [0-9a-f]+ 00:00 0 *(?:\[heap\])?$", re.MULTILINE)


def use_large_pages(policy: Path = _POLICY) -> int:
    """Move the heap into large pages where it fills them; return how many there are of them now.

    None where the system has none, where its administrator chose `never`, or where it cannot do so now: it is faster
    with them, and the same without. `policy` is the file in which the administrator's choice stands.
    """
    try:
        if sys.platform != "linux" or "[never]" in policy.read_text(encoding="ascii"):
            return 0
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        return sum(advise(address, LARGE, _COLLAPSE) == 0 for address in tuple(_filled()))
    except (OSError, AttributeError):
        return 0


def _filled() -> Iterator[int]:
    """Yield the addresses of what could be large pages and is held for the most part, by small ones."""
    small = mmap.PAGESIZE
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pages:
        for match in _HEAP.finditer(Path("/proc/self/maps").read_text(encoding="ascii")):
            start, end = (int(text, 16) for text in match.groups())
            for address in range(-(-start // LARGE) * LARGE, end - LARGE + 1, LARGE):
                entries = os.pread(pages.fileno(), LARGE // small * _ENTRY, address // small * _ENTRY)
                held = sum(entry & _PRESENT != 0 for entry in memoryview(entries).cast("Q"))
                if held * small >= LARGE * _HELD:
                    yield address
