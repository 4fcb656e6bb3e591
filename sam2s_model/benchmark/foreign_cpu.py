"""How busy other processes kept the machine while something was measured (Linux)."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path('/proc/stat')
IDLE_COLUMNS = (3, 4)  # idle and iowait
COUNTED_COLUMNS = 8  # up to steal; guests are counted among users already


class ForeignCpu:
    """Counts what others compute from the moment it is built."""

    def __init__(self) -> None:
        self._begin = _counters()

    def cores(self) -> float | None:
        """Cores that others kept busy, on average; None where it cannot be known."""
        if self._begin is None:
            return None
        (begun, busy, own), now = self._begin, _counters()
        assert now is not None
        elapsed = max(now[0] - begun, 1e-9)
        return max(0.0, ((now[1] - busy) - (now[2] - own)) / elapsed)


def _counters() -> tuple[float, float, float] | None:
    """Seconds: of the clock, of all cores that were busy, and of those that were busy for this process."""
    if not STAT.exists():
        return None
    columns = [int(text) for text in STAT.read_text().splitlines()[0].split()[1 : 1 + COUNTED_COLUMNS]]
    busy = sum(ticks for n, ticks in enumerate(columns) if n not in IDLE_COLUMNS) / os.sysconf('SC_CLK_TCK')
    own = os.times()
    return time.monotonic(), busy, own.user + own.system
