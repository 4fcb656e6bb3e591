"""How long the network's threads wait for each other before they sleep: said before PyTorch is loaded.

GNU OpenMP, which PyTorch's wheels for Linux bring along, lets a thread that waits for the others spin 300,000 times,
about five milliseconds, before it sleeps. It waits so between any two operations. Where something else wants the core,
as a camera driver or the node's own publishers do, the one that is waited for cannot run meanwhile, and a frame takes
many times as long (docs/benchmark.md).
"""

from __future__ import annotations

import os

SPINS = 1000  # some 20 µs, more than PyTorch needs from one operation to the next
SAID_BY = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')


def wait_briefly() -> None:
    """Let threads sleep soon, unless the environment says how long they shall wait. Too late once PyTorch is loaded."""
    if not any(name in os.environ for name in SAID_BY):
        os.environ['GOMP_SPINCOUNT'] = str(SPINS)
