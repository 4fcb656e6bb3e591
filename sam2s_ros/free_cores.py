"""Gives the network as many threads as others leave cores.

Threads of one team wait for each other. Where something else takes a core, the thread that is waited for cannot run
meanwhile, and an image takes many times as long: docs/benchmark.md has the figures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from sam2s_model import ForeignCpu, use_threads, used_threads

LOOK_EVERY_S = 1.0
FIRST_LOOK_AFTER_S = 0.2
SLACK = 0.2  # of a core: a count that changes with every flicker would do no good


class FreeCores:
    """Follows how busy others keep the machine. For the thread that the network runs in.

    `threads` says how many fit.

    Args:
        tell: Told, for a person, when the number of threads changes.
        cores: How many this process may use; None asks the system.
        measure: Measures from the moment it is called.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        cores: int | None = None,
        measure: Callable[[], ForeignCpu] = ForeignCpu,
    ) -> None:
        self._tell = tell
        self._cores = cores or len(os.sched_getaffinity(0))
        self._measure = measure
        self._most = self.threads = used_threads()
        self._foreign, self._look_at = measure(), time.monotonic() + FIRST_LOOK_AFTER_S

    def follow(self) -> None:
        """Change the number of threads where it no longer fits; looks once a second."""
        if time.monotonic() < self._look_at:
            return
        foreign = self._foreign.cores()
        self._foreign, self._look_at = self._measure(), time.monotonic() + LOOK_EVERY_S
        if foreign is None:
            return
        threads = self._fitting(self._cores - foreign)
        if threads == self.threads:
            return
        self.threads = threads
        use_threads(threads)
        self._tell(f'others keep {foreign:.1f} of {self._cores} cores busy: the network uses {threads} from now on')

    def _fitting(self, free: float) -> int:
        """The whole number next to so many cores; with some slack before it is another than now."""
        fitting = round(free - SLACK) if free > self.threads else round(free + SLACK / 2)
        return min(max(1, fitting), self._most)
