"""A tracker of grey discs whose memory can be saved, and the loader that gives it to an offline run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sam2s_model import BadTrackerState, Frame, FrameResult
from sam2s_ros.health import ModelSource
from sam2s_ros.loaded_model import LoadedModel
from sam2s_ros.parameters import ModelParameters


def saving(blob_tracker: type[Any]) -> type[Any]:
    """`BlobTracker` with the methods that a journal needs; counts the images that it has really tracked."""

    class SavedBlobs(blob_tracker):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps = 0

        def step(self, frame: Frame) -> FrameResult:
            self.steps += 1
            result: FrameResult = super().step(frame)
            return result

        def saved(self) -> bytes:
            return json.dumps([self.values, self.index]).encode()

        def restore(self, state: bytes) -> None:
            try:
                self.values, self.index = json.loads(state)
            except ValueError as error:
                raise BadTrackerState('expected JSON') from error

    return SavedBlobs


class BlobLoader:
    """Builds trackers of one kind and remembers them."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self.trackers: list[Any] = []
        self._build = build

    def __call__(self, model: ModelParameters) -> LoadedModel:
        self.trackers.append(self._build())
        return LoadedModel(self.trackers[-1], ModelSource('blobs', 'cpu', 'none', '0' * 64))
