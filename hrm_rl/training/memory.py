"""How the C library treats freed memory: a matter of the whole process, so programs decide it."""

from __future__ import annotations

import ctypes
import sys


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next tensor; a program calls this at its start.

    glibc hands blocks of megabytes back to the kernel, which clears each page again at the next
    segment: on a CPU a third of the time of a forward of 256 puzzles. Elsewhere this does nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        m_trim_threshold, m_mmap_max = -1, -4  # <malloc.h>
        mallopt(m_trim_threshold, 2**31 - 1)
        mallopt(m_mmap_max, 0)
