"""Which frames count: the two conventions of video object segmentation, as the package vos-benchmark has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from sam2s_model.evaluation.moments import Moment

# inner: without the first and the last annotated frame of the video (DAVIS 2017, SA-V). all: with them.
Convention = Literal['inner', 'all']
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


def counted(moments: Sequence[Moment], annotated: Sequence[int], convention: Convention) -> list[Moment]:
    """The moments of one object that count.

    Frames up to which the object has neither been there nor been predicted do not count.

    Args:
        moments: In order, from the prompt on.
        annotated: Numbers of all annotated frames of the video, in order.
        convention: Whether the first and the last of these count.
    """
    ends = {annotated[0], annotated[-1]} if convention == 'inner' and annotated else set()
    candidates = [moment for moment in moments if moment.frame not in ends]
    begin = next((n for n, moment in enumerate(candidates) if moment.area or moment.claimed), len(candidates))
    return candidates[begin:]
