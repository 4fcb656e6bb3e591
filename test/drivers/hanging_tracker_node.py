"""`python -m hanging_tracker_node`: the tracker node with a network that never answers."""

from __future__ import annotations

import sys
import threading

from sam2s_model import Frame, FrameResult
from sam2s_ros import loaded_model
from sam2s_ros.health import ModelSource
from sam2s_ros.tracker_node import main


class HangingTracker:
    def step(self, frame: Frame) -> FrameResult:
        threading.Event().wait()
        raise AssertionError('nobody opens the gate')

    look = step


if __name__ == '__main__':
    loaded_model.load_model = lambda model: loaded_model.LoadedModel(HangingTracker(), ModelSource())
    sys.exit(main())
