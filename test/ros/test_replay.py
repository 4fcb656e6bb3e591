"""A recording through the tracker over real DDS, in one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
import rclpy

from sam2s_model import BoxPrompt
from sam2s_ros import loaded_model
from sam2s_ros.bag_io import BagReader, BagWriter, UnreadableBag, serialize
from sam2s_ros.bag_player import Playback
from sam2s_ros.bag_types import IMAGE, header, message_types
from sam2s_ros.health import ModelSource
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC, stamp_of
from sam2s_ros.prompt_script import PromptScript, ScriptedPrompt, read_prompt_script
from sam2s_ros.replay import ReplayJob, ReplayLog, replay

pytestmark = pytest.mark.ros

TRACKS = '/sam2s_tracker/tracks'


@pytest.fixture
def blobs_followed(ros_domain: int, monkeypatch: pytest.MonkeyPatch, blob_tracker: Any) -> None:
    """The node has a tracker that follows the blobs of the recording and takes no time."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    loaded = loaded_model.LoadedModel(blob_tracker, ModelSource('blobs', 'cpu', '', ''))
    monkeypatch.setattr(loaded_model, 'load_model', lambda model: loaded)


@pytest.fixture
def job(blob_bag: Path, tmp_path: Path) -> ReplayJob:
    return ReplayJob(blob_bag, IMAGE_TOPIC, read_prompt_script(blob_bag / 'prompts.yaml'), tmp_path / 'recording')


@pytest.fixture
def log(blobs_followed: None, job: ReplayJob) -> ReplayLog:
    return replay(job)


def test_every_image_goes_in_and_each_result_belongs_to_one(log: ReplayLog) -> None:
    assert log.frames_published == 25
    assert set(log.received_ns) <= set(log.published_ns) == {stamp_of(index, 25) for index in range(25)}
    assert len(log.received_ns) >= 15
    assert all(0 < latency < 2000 for latency in log.latencies_ms)


def test_the_last_image_always_has_a_result(log: ReplayLog) -> None:
    assert stamp_of(24, 25) in log.received_ns


def test_all_prompts_are_answered(log: ReplayLog) -> None:
    assert log.failed_prompts == []


def test_the_recorded_masks_are_the_true_ones(log: ReplayLog, job: ReplayJob) -> None:
    with BagReader(job.bag) as bag, BagReader(job.output) as output:
        truth = {image.stamp_ns: image.labels() for image in bag.images(TRUTH_TOPIC)}
        results = [result for result in output.tracks(TRACKS) if result.masks]
    assert len(results) >= 10
    for result in results:
        for object_id, value in (('left', 1), ('right', 2)):
            np.testing.assert_array_equal(result.masks[object_id], truth[result.stamp_ns] == value)


def test_all_outputs_are_recorded_for_each_result(log: ReplayLog, job: ReplayJob) -> None:
    with BagReader(job.output) as output:
        counts = {topic: output.count(topic) for topic in output.types}
    assert counts.keys() == {TRACKS, '/sam2s_tracker/instances/mask', '/sam2s_tracker/overlay/compressed'}
    assert counts[TRACKS] == len(log.received_ns)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_recorded_headers_are_those_of_the_images(log: ReplayLog, job: ReplayJob) -> None:
    with BagReader(job.output) as output:
        for topic in ('/sam2s_tracker/instances/mask', '/sam2s_tracker/overlay/compressed'):
            for image in output.images(topic):
                assert image.stamp_ns in log.published_ns
                assert image.message.header.frame_id == 'endoscope'


def test_progress_is_told_for_images_and_results(blobs_followed: None, job: ReplayJob) -> None:
    published, results = [], []
    log = replay(job, lambda: published.append(1), lambda: results.append(1))
    assert (len(published), len(results)) == (25, len(log.received_ns))


def test_a_replay_can_run_faster_and_start_later(blobs_followed: None, job: ReplayJob) -> None:
    late = replace(job.script.prompts[0], stamp_ns=stamp_of(21, 25))
    log = replay(replace(job, script=PromptScript(IMAGE_TOPIC, (late,)), playback=Playback(rate=2.0, start_s=0.8)))
    assert (log.frames_published, log.failed_prompts) == (5, [])


def test_a_prompt_that_the_tracker_refuses_is_reported(blobs_followed: None, job: ReplayJob) -> None:
    outside = ScriptedPrompt(stamp_of(0, 25), 'far', '', BoxPrompt((500, 500, 600, 600)))
    log = replay(replace(job, script=PromptScript(IMAGE_TOPIC, (outside,))))
    assert len(log.failed_prompts) == 1
    assert 'far' in log.failed_prompts[0]
    assert 'outside' in log.failed_prompts[0]


def test_a_prompt_after_the_end_is_reported(blobs_followed: None, job: ReplayJob) -> None:
    never = replace(job.script.prompts[0], stamp_ns=stamp_of(1000, 25))
    log = replay(replace(job, script=PromptScript(IMAGE_TOPIC, (never,))))
    assert 'never answered' in log.failed_prompts[0]


def test_raw_images_are_replayed_too(blobs_followed: None, job: ReplayJob, tmp_path: Path) -> None:
    types = message_types().types
    with BagReader(job.bag) as bag, BagWriter(tmp_path / 'raw') as writer:
        writer.add_topic('/camera/image_raw', IMAGE)
        for image in bag.images(IMAGE_TOPIC):
            rgb = image.rgb()
            head, (height, width, _) = header(image.stamp_ns, 'camera'), rgb.shape
            message = types[IMAGE](head, height, width, 'rgb8', 0, 3 * width, rgb.ravel())
            writer.write('/camera/image_raw', image.recorded_ns, serialize(message))
    log = replay(replace(job, bag=tmp_path / 'raw', topic='/camera/image_raw'))
    assert (log.frames_published, log.failed_prompts) == (25, [])
    assert log.received_ns


def test_two_replays_run_one_after_the_other(log: ReplayLog, job: ReplayJob, tmp_path: Path) -> None:
    assert replay(replace(job, output=tmp_path / 'second')).frames_published == 25


def test_an_unknown_parameter_stops_the_replay_before_it_begins(blobs_followed: None, job: ReplayJob) -> None:
    with pytest.raises(ValueError, match='no_such_thing'):
        replay(replace(job, parameters={'model.no_such_thing': 1}))
    assert not rclpy.ok()


def test_a_topic_that_is_not_in_the_bag_is_named(blobs_followed: None, job: ReplayJob) -> None:
    with pytest.raises(UnreadableBag, match='/x'):
        replay(replace(job, topic='/x'))
