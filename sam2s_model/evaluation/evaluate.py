"""Run a tracker over a video with true masks and score what comes out, through the same door as the node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam2s_model.evaluation.clip import Clip
from sam2s_model.evaluation.protocol import PromptKind, prompt_object
from sam2s_model.evaluation.scores import ScoreSheet, VideoScore
from sam2s_model.masklet import Frame, FrameResult

if TYPE_CHECKING:
    from sam2s_model.tracker import Tracker


def evaluate(tracker: Tracker, clip: Clip, kind: PromptKind, on_frame: Callable[[], None] = lambda: None) -> VideoScore:
    """Prompt each object on the first frame that shows it, track to the end, score the frames after the prompt.

    Frames on which the object is hidden count: J and F are 1 there if the tracker says nothing, else 0. An object that
    the clip names but never shows is not scored.

    Args:
        tracker: Reset before use.
        clip: Frames and true masks.
        kind: How the objects are prompted.
        on_frame: Called after each frame, for a progress bar.
    """
    tracker.reset()
    sheet = ScoreSheet({str(value): name for value, name in clip.objects.items()})
    prompted: set[int] = set()
    for index, (rgb, labels) in enumerate(zip(clip.frames, clip.labels, strict=True)):
        frame = Frame(rgb, index * clip.period_ns)
        result = tracker.step(frame)
        _score(sheet, result, labels, prompted, clip.ignore_values)
        for value in _newly_visible(labels, clip.objects, prompted):
            prompt_object(tracker, frame, str(value), labels == value, kind)
            prompted.add(value)
        on_frame()
    return sheet.score(clip.name)


def _score(
    sheet: ScoreSheet, result: FrameResult, labels: NDArray[np.uint8], prompted: set[int], ignore: tuple[int, ...]
) -> None:
    ignored = np.isin(labels, ignore) if ignore else None
    for value in prompted:
        sheet.add(str(value), result[str(value)].mask, labels == value, ignored)


def _newly_visible(labels: NDArray[np.uint8], objects: dict[int, str], prompted: set[int]) -> list[int]:
    return [value for value in np.unique(labels).tolist() if value in objects and value not in prompted]
