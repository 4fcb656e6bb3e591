"""Recordings one after the other: whoever stops listening stops the work."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')

from saved_blobs import BlobLoader, saving

from sam2s_model import Frame
from sam2s_ros.labelled_bag import IMAGE_TOPIC
from sam2s_ros.offline import jobs
from sam2s_ros.offline.bag_tracking import TrackingJob
from sam2s_ros.offline.jobs import run_jobs
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.parameters import parameters_from


def test_closing_stops_the_work_leaves_no_thread_and_the_next_run_goes_on(
    blob_bag: Path, tmp_path: Path, blob_tracker: Any
) -> None:
    class Slow(saving(type(blob_tracker))):  # type: ignore[misc]
        def step(self, frame: Frame) -> Any:
            time.sleep(0.02)
            return super().step(frame)

    recording = Recording(blob_bag, blob_bag / 'prompts.yaml', tmp_path / 'out')
    job = TrackingJob(recording, (IMAGE_TOPIC,), parameters_from({'tracking.auto_freeze': False}))
    news = run_jobs([job], 1, BlobLoader(Slow))
    assert next(news).what == (10, 25)
    news.close()
    assert not [thread for thread in threading.enumerate() if thread.name == jobs.THREAD]
    assert not (tmp_path / 'out' / 'report.json').exists()
    *_, last = run_jobs([job], 1, BlobLoader(Slow))
    assert (tmp_path / 'out' / 'report.json').exists() and not isinstance(last.what, tuple)
