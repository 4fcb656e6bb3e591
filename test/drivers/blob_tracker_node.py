"""`python -m blob_tracker_node`: the tracker node with a tracker that needs no network."""

from __future__ import annotations

import sys

from blob_tracker import BlobTracker

from sam2s_ros import loaded_model
from sam2s_ros.health import ModelSource
from sam2s_ros.tracker_node import main

if __name__ == '__main__':
    loaded_model.load_model = lambda model: loaded_model.LoadedModel(BlobTracker(), ModelSource())
    sys.exit(main())
