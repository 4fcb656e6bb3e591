"""Rows 28, 29, 30 and 33: a GPU that runs out of memory, fails or is missing, and a network that returns NaN.

The real `Tracker` runs on a CPU with a network that raises what torch raises on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import torch
from fault_bench import ask, ids, image, point, track
from faulty_network import DEVICE_LOST, OUT_OF_MEMORY, FaultyNetwork
from tracker_in_process import TrackerInProcess

from sam2s_model import Tracker
from sam2s_msgs.msg import PromptResult, Track, TrackerStatus, TrackEvent
from sam2s_ros.loaded_model import load_model
from sam2s_ros.vitals import HUNG

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]


@pytest.fixture
def network() -> FaultyNetwork:
    return FaultyNetwork()


@pytest.fixture
def model(network: FaultyNetwork) -> Tracker:
    return Tracker(network, torch.device('cpu'))


@pytest.fixture
def tracker(start_tracker: Start, model: Tracker) -> TrackerInProcess:
    """Tracks a, b and c."""
    tracker = start_tracker(lambda: model)
    track(tracker, 1)
    assert ask(tracker, *(point(object_id) for object_id in 'abc')).success
    return tracker


def test_fault_28_without_memory_for_all_objects_at_once_they_are_tracked_one_by_one(
    tracker: TrackerInProcess, network: FaultyNetwork
) -> None:
    network.room = 1
    assert ids(track(tracker, 2)) == ['a', 'b', 'c']
    assert tracker.told(TrackEvent.OUT_OF_MEMORY) == []


def test_fault_28_an_image_is_tried_once_more_with_all_the_memory_that_is_free(
    tracker: TrackerInProcess, network: FaultyNetwork
) -> None:
    faults = [OUT_OF_MEMORY, OUT_OF_MEMORY]  # at once, and for the first object alone
    network.fault = lambda: faults.pop() if faults else None
    assert ids(track(tracker, 2)) == ['a', 'b', 'c']
    tracker.wait_until(lambda: len(tracker.told(TrackEvent.OUT_OF_MEMORY)) == 1)
    assert not tracker.wait_for_status(lambda status: True).degraded


def test_fault_28_the_newest_object_is_given_up_and_the_tracker_is_degraded_until_it_is_asked_for_again(
    tracker: TrackerInProcess, network: FaultyNetwork, model: Tracker
) -> None:
    network.fault = lambda: OUT_OF_MEMORY if len(model.object_ids) > 2 else None
    assert ids(track(tracker, 2)) == ['a', 'b']
    status = tracker.wait_for_status(lambda status: status.degraded)
    assert list(status.problems) == ['memory ran out and these objects were given up: c']
    tracker.wait_until(
        lambda: tracker.told(TrackEvent.DEGRADED) == ['c was given up: memory does not suffice for all objects']
    )
    network.fault = lambda: None
    assert ask(tracker, point('c')).success
    assert ids(track(tracker, 3)) == ['a', 'b', 'c']
    tracker.wait_for_status(lambda status: not status.degraded)
    assert len(tracker.told(TrackEvent.RESTORED)) == 1


def test_fault_28_memory_that_does_not_suffice_for_one_object_ends_neither_process_nor_service(
    tracker: TrackerInProcess, network: FaultyNetwork
) -> None:
    network.fault = lambda: OUT_OF_MEMORY
    assert ids(track(tracker, 2)) == []
    assert ask(tracker, point('a')).code == PromptResult.OOM
    network.fault = lambda: None
    assert ask(tracker, point('a')).success
    assert ids(track(tracker, 3)) == ['a']
    assert tracker.exit_codes == []


def test_fault_29_a_lost_gpu_is_told_in_the_heartbeat_and_then_the_process_ends_with_75(
    tracker: TrackerInProcess, network: FaultyNetwork
) -> None:
    network.fault = lambda: DEVICE_LOST
    tracker.camera.publish(image(2))
    status = tracker.wait_for_status(lambda status: status.watchdog == TrackerStatus.DEVICE_LOST)
    assert status.last_error == (
        'image not tracked: DeviceLost: RuntimeError: CUDA error: an illegal memory access was encountered'
    )
    tracker.wait_until(lambda: bool(tracker.exit_codes))
    assert tracker.exit_codes[0] == HUNG
    tracker.wait_until(lambda: len(tracker.told(TrackEvent.DEVICE_LOST)) == 1)


def loads_the_shipped_model(start_tracker: Start, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> None:
    """Pretend that torch was built for CUDA and finds none, as with a driver that is too old."""
    monkeypatch.setattr(torch.version, 'cuda', '12.8')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(TrackerInProcess, '_load', lambda self, model: load_model(model))


def test_fault_30_without_a_usable_gpu_auto_goes_on_with_the_cpu_and_is_degraded(
    start_tracker: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads_the_shipped_model(start_tracker, monkeypatch)
    tracker = start_tracker()
    status = tracker.wait_for_status(lambda status: status.state == TrackerStatus.ACTIVE)
    assert status.degraded
    assert status.problems[0].startswith('tracking on the CPU: torch was built for CUDA 12.8, but finds no device')
    tracker.wait_until(lambda: len(tracker.told(TrackEvent.DEGRADED)) == 1)
    assert ids(track(tracker, 1)) == []


def test_fault_30_a_gpu_that_was_asked_for_by_name_is_not_replaced_by_the_cpu(
    start_tracker: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads_the_shipped_model(start_tracker, monkeypatch)
    monkeypatch.setattr(TrackerInProcess, 'bring_up', lambda self: None)
    tracker = start_tracker(model__device='cuda')
    assert not tracker.request(label='configure')
    assert tracker.state() == 'unconfigured'
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.TRANSITION_FAILED)))
    assert tracker.told(TrackEvent.TRANSITION_FAILED) == [
        "cannot configure: device: expected one that is here, came 'cuda', but torch finds no CUDA device; "
        'use "auto" or "cpu"'
    ]
    assert tracker.set(model__device='cpu').successful
    assert tracker.request(label='configure')


@pytest.mark.parametrize('spoiled', ['mask_logits', 'iou', 'object_score'])
def test_fault_33_an_object_without_numbers_is_uncertain_told_and_not_remembered(
    tracker: TrackerInProcess, network: FaultyNetwork, spoiled: str
) -> None:
    network.spoiled = spoiled
    tracks = track(tracker, 2).tracks
    assert [found.state for found in tracks] == [Track.UNCERTAIN] * 3
    assert not any(found.actionable for found in tracks)
    tracker.wait_for_status(lambda status: status.errors == 3)
    assert all('returned no number' in text for text in tracker.told(TrackEvent.TRACKING_FAILED))
    network.spoiled = None
    track(tracker, 3)
    remembered = [slot.memory.index for slot in network.asked[-1].recalls[0].frames]
    assert 1 not in remembered
