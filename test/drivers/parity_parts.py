"""Compare outputs of one part of the network with the reference's, and note how far apart they were."""

from __future__ import annotations

from typing import Any

import torch
from parity_row import Row
from torch import Tensor

TOLERANCE = 1e-4

_differences: list[float] = []  # of the test that is running


def begin() -> None:
    """Forget what the test before has compared."""
    torch.manual_seed(1)
    _differences.clear()


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert theirs.std() > 1e-3, 'a constant reference output proves nothing'
    assert_equal(ours, theirs)


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    """As `assert_same`, for what may be constant."""
    _differences.append(float((ours - theirs).abs().max()))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


def row_of(test: Any) -> Row | None:
    """What a test that has run compared, under its name and the size of its reference; None if it compared nothing."""
    if not _differences:
        return None
    arguments = test.callspec.params if hasattr(test, 'callspec') else {}
    return Row(
        section='Parts',
        name=test.originalname.removeprefix('test_').replace('_', ' '),
        ran_on=getattr(test.module, 'RAN_ON', f'{arguments.get("size", "tiny")}, random weights'),
        side=arguments.get('reference', arguments.get('side')),
        compared=f'{len(_differences)} maps',
        difference=max(_differences),
        bound=f'{TOLERANCE:.0e}',
    )
