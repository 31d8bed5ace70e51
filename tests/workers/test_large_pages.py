"""Large pages of memory: where the system has them, only where they are filled, and never an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from idp.workers.large_pages import LARGE, use_large_pages

MAPPED = 16
HOLDING = f"""
import ctypes, json, mmap, re
from pathlib import Path
from idp.workers.large_pages import LARGE, use_large_pages

def figure(name):
    return int(re.search(name + r": +(\\d+) kB", Path("/proc/self/smaps_rollup").read_text())[1]) * 1024

filled = mmap.mmap(-1, {MAPPED} * LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for place in range(0, len(filled), mmap.PAGESIZE):
    filled[place] = 1
empty = mmap.mmap(-1, {MAPPED} * LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for place in range(0, len(empty), LARGE):
    empty[place] = 1
probe = mmap.mmap(-1, 2 * LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
probe[:] = b"1" * len(probe)
address = ctypes.addressof(ctypes.c_char.from_buffer(probe))
advised = ctypes.CDLL(None).madvise(ctypes.c_void_p(-(-address // LARGE) * LARGE), ctypes.c_size_t(LARGE), 25)
before = figure("Rss"), figure("AnonHugePages")
there = use_large_pages()
after = figure("Rss"), figure("AnonHugePages")
print(json.dumps([advised == 0, there, before, after, sum(filled[:]), sum(empty[:])]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has them")
def test_what_is_filled_moves_into_large_pages_and_what_is_empty_stays_as_small_as_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", HOLDING], check=True, capture_output=True)  # noqa: S603 - ourselves
    possible, there, (resident, large), (resident_then, large_then), filled, empty = json.loads(done.stdout)
    assert large_then >= large
    assert large_then >= there * LARGE
    assert resident_then - resident < 4 * LARGE, "sixteen pages of which a five-hundredth is used are left alone"
    assert (filled, empty) == (MAPPED * LARGE // 4096, MAPPED), "nothing that was there is lost"
    # An older kernel has none for us, which is no error. What lies side by side may begin within a large page.
    assert there >= MAPPED - 1 if possible else there == 0


@pytest.mark.parametrize("policy", ["always madvise [never]\n", None])
def test_an_administrators_never_and_a_system_without_any_are_respected(policy: str | None, tmp_path: Path) -> None:
    said = tmp_path / "enabled"
    if policy is not None:
        said.write_text(policy)
    assert use_large_pages(said) == 0
