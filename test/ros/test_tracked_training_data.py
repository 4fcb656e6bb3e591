"""What was tracked offline can be trained on: docs/own_weights.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy')

from saved_blobs import BlobLoader, saving

from sam2s_model.data.bag import read_bag
from sam2s_ros.labelled_bag import IMAGE_TOPIC
from sam2s_ros.offline.bag_tracking import TrackingJob, track_recording
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.parameters import parameters_from


def test_the_output_of_track_bag_is_a_video_with_true_masks(blob_bag: Path, tmp_path: Path, blob_tracker: Any) -> None:
    recording = Recording(blob_bag, blob_bag / 'prompts.yaml', tmp_path / 'out')
    job = TrackingJob(recording, (IMAGE_TOPIC,), parameters_from({'tracking.auto_freeze': False}), keeps_images=True)
    track_recording(job, load=BlobLoader(saving(type(blob_tracker))))
    names = {'left': 'grasper', 'right': 'hook'}
    prompts = [{'stamp_ns': 0, 'object_id': one, 'label': label, 'box': [0, 0, 1, 1]} for one, label in names.items()]
    truth = {'topic': '/sam2s_tracker/instances/mask', 'values': {'left': 1, 'right': 2}}
    content = {'image_topic': IMAGE_TOPIC, 'prompts': prompts, 'ground_truth': truth}
    (tmp_path / 'out' / 'recording' / 'prompts.yaml').write_text(yaml.safe_dump(content))
    tracked, recorded = read_bag(tmp_path / 'out' / 'recording'), read_bag(blob_bag)
    assert len(tracked.frames) == len(recorded.frames) == 25
    for ours, theirs in zip(tracked.frames, recorded.frames, strict=True):
        assert ours.masks.keys() == {'left', 'right'}
        for object_id, mask in ours.masks.items():
            np.testing.assert_array_equal(mask, theirs.masks[object_id])
