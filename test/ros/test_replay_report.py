"""The figures of a replay, from recordings whose scores are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
from sam2s_ros.bag_io import BagReader, BagWriter, serialize
from sam2s_ros.bag_types import TRACK_ARRAY, header, message_types
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC, stamp_of
from sam2s_ros.prompt_script import PromptScript, read_prompt_script
from sam2s_ros.replay import ReplayJob, ReplayLog
from sam2s_ros.replay_report import ReplayReport, report_of
from sam2s_ros.run_lengths import encode_mask

Masks = dict[str, np.ndarray]


def track_array(stamp: int, masks: Masks) -> Any:
    types = message_types().types
    names = ('sensor_msgs/msg/RegionOfInterest', 'geometry_msgs/msg/Point32', 'builtin_interfaces/msg/Time')
    region, point, time = (types[name] for name in names)
    tracks = []
    for slot, (object_id, mask) in enumerate(masks.items(), 1):
        runs = encode_mask(mask)
        place = (region(runs.x, runs.y, runs.height, runs.width, False), runs.counts, point(0, 0, 0), [])
        identity = (object_id, slot, 0, '', 0, 1, 0.9, 1.0, int(mask.sum()))
        tracks.append(types['sam2s_msgs/msg/Track'](*identity, *place, 0, time(0, 0), True, False, ''))
    timing = types['sam2s_msgs/msg/Timing'](0, 0, 0, 0.03, 0, 0.05)
    return types[TRACK_ARRAY](header(stamp, 'endoscope'), 60, 80, 'session', 0, 0, tracks, timing, False)


@pytest.fixture
def truth(blob_bag: Path) -> list[np.ndarray]:
    with BagReader(blob_bag) as bag:
        return [image.labels() for image in bag.images(TRUTH_TOPIC)]


@pytest.fixture
def job(blob_bag: Path, tmp_path: Path) -> ReplayJob:
    return ReplayJob(blob_bag, IMAGE_TOPIC, read_prompt_script(blob_bag / 'prompts.yaml'), tmp_path / 'recording')


def report(job: ReplayJob, results: dict[int, Masks]) -> ReplayReport:
    """The report on results by frame number; each took 80 ms, images came every 40 ms."""
    log = ReplayLog(frames_published=25)
    with BagWriter(job.output) as writer:
        writer.add_topic('/sam2s_tracker/tracks', TRACK_ARRAY)
        for index, masks in results.items():
            stamp = stamp_of(index, 25)
            writer.write('/sam2s_tracker/tracks', stamp, serialize(track_array(stamp, masks)))
            log.published_ns[stamp] = index * 40_000_000
            log.received_ns[stamp] = index * 40_000_000 + 80_000_000
    return report_of(job, log)


def exact(labels: np.ndarray) -> Masks:
    return {'left': labels == 1, 'right': labels == 2}


def test_every_frame_is_tracked_or_dropped(job: ReplayJob, truth: list[np.ndarray]) -> None:
    figures = report(job, {index: exact(truth[index]) for index in range(0, 25, 3)})
    assert (figures.frames_in, figures.frames_tracked, figures.frames_dropped) == (25, 9, 16)


def test_exact_masks_score_one_after_the_prompted_frame(job: ReplayJob, truth: list[np.ndarray]) -> None:
    figures = report(job, {index: exact(labels) for index, labels in enumerate(truth)})
    assert (figures.jf_mean, figures.j_mean, figures.f_mean) == (1, 1, 1)
    assert figures.frames_scored == 24


def test_an_object_without_a_mask_counts_as_not_seen(job: ReplayJob, truth: list[np.ndarray]) -> None:
    figures = report(job, {index: {'left': labels == 1} for index, labels in enumerate(truth)})
    scores = {row['object_id']: row['jf'] for row in figures.per_object}
    assert scores == {'left': 1, 'right': 0}
    assert figures.jf_mean == 0.5
    assert figures.objects == 1


def test_only_tracked_frames_are_scored(job: ReplayJob, truth: list[np.ndarray]) -> None:
    figures = report(job, {3: exact(truth[3]), 5: {}})
    assert figures.frames_scored == 2
    assert figures.j_mean == 0.5


def test_speed_and_latency_are_measured_from_outside(job: ReplayJob, truth: list[np.ndarray]) -> None:
    figures = report(job, {index: exact(labels) for index, labels in enumerate(truth)})
    assert figures.fps == pytest.approx(25)
    assert (figures.latency_ms_p50, figures.latency_ms_p95) == (80, 80)
    assert figures.inference_ms_p50 == pytest.approx(30, abs=0.1)


def test_without_true_masks_nothing_is_scored(job: ReplayJob, truth: list[np.ndarray]) -> None:
    unscored = ReplayJob(job.bag, job.topic, PromptScript(job.topic, job.script.prompts), job.output)
    figures = report(unscored, {1: exact(truth[1])})
    assert (figures.jf_mean, figures.frames_scored) == (None, 0)
    assert figures.per_object[0] == {
        'object_id': 'left', 'label': 'disc', 'tracked': True, 'frames_scored': 0, 'jf': None, 'j': None, 'f': None,
    }  # fmt: skip


def test_a_replay_without_results_has_figures_too(job: ReplayJob) -> None:
    figures = report(job, {})
    assert (figures.frames_tracked, figures.frames_dropped, figures.fps) == (0, 25, 0)
    assert figures.latency_ms_p50 is None


def test_the_report_is_json(job: ReplayJob, truth: list[np.ndarray], tmp_path: Path) -> None:
    report(job, {1: exact(truth[1])}).write(tmp_path / 'report.json')
    written = json.loads((tmp_path / 'report.json').read_text())
    assert {
        'frames_in', 'frames_tracked', 'frames_dropped', 'objects', 'fps', 'latency_ms_p50', 'latency_ms_p95',
        'jf_mean', 'j_mean', 'f_mean', 'per_object',
    } <= written.keys()  # fmt: skip
