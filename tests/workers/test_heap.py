import platform
import subprocess
import sys
from pathlib import Path

# A process of its own: what is asked of the C library holds for good.
KEPT = """
import re
from pathlib import Path
from workers import heap

kept = [bytes([n % 251]) * 3_000 for n in range(20_000)]
heap.settle_worker()
assert all(each == bytes([n % 251]) * 3_000 for n, each in enumerate(kept))
print(sum(map(int, re.findall(r"AnonHugePages: +(\\d+) kB", Path("/proc/self/smaps").read_text()))))
"""
KEPT_MB = 57


def knows_how_to_collapse() -> bool:
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    return release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists()


def test_what_a_worker_keeps_is_laid_on_huge_pages_and_stays_what_it_was():
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    if knows_how_to_collapse():
        assert int(done.stdout) > KEPT_MB / 2 * 1024
