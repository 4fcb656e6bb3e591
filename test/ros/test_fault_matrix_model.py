"""Rows 31 and 32: weights that cannot be used, and weights that must not be; the real loading, in the real node."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import numpy as np
from fault_bench import ids, track
from safetensors.numpy import load_file, save_file
from tracker_in_process import TrackerInProcess

from sam2s_model import SHIPPED_WEIGHTS
from sam2s_msgs.msg import TrackEvent
from sam2s_ros.loaded_model import load_model

pytestmark = pytest.mark.ros


@pytest.fixture
def tracker(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Not configured yet; loads what its parameters name."""
    monkeypatch.setattr(TrackerInProcess, '_load', lambda self, model: load_model(model))
    tracker = TrackerInProcess(ros_domain, lambda _: None, status__rate=50.0)
    yield tracker
    tracker.close()


def changed(path: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """The shipped weights after a change."""
    weights = dict(load_file(SHIPPED_WEIGHTS))
    change(weights)
    save_file(weights, path)


def spoil(weights: dict[str, np.ndarray]) -> None:
    name = next(name for name, value in weights.items() if value.dtype.kind == 'f')
    weights[name] = np.full_like(weights[name], np.nan)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    'missing': (lambda path: None, 'damaged.safetensors'),
    'truncated': (lambda path: path.write_bytes(SHIPPED_WEIGHTS.read_bytes()[:100_000]), 'damaged.safetensors'),
    'empty': (lambda path: path.write_bytes(b''), 'damaged.safetensors'),
    'a folder': (lambda path: path.mkdir(), 'damaged.safetensors'),
    'another network': (lambda path: save_file({'layer.weight': np.zeros((3, 3))}, path), 'missing: '),
    'one weight too few': (lambda path: changed(path, lambda weights: weights.pop('no_point.weight')), '1 missing: '),
    'NaN': (lambda path: changed(path, spoil), 'expected numbers, came NaN or infinity in 1: '),
}


def test_fault_31_weights_that_cannot_be_used_are_refused_in_one_line_until_they_are_corrected(
    tracker: TrackerInProcess, tmp_path: Path
) -> None:
    for number, (damage, (make, reason)) in enumerate(DAMAGES.items(), start=1):
        path = tmp_path / damage / 'damaged.safetensors'
        path.parent.mkdir()
        make(path)
        assert tracker.set(model__checkpoint=str(path)).successful
        assert not tracker.request(label='configure'), damage
        assert tracker.state() == 'unconfigured'
        tracker.wait_until(lambda count=number: len(tracker.told(TrackEvent.TRANSITION_FAILED)) == count)
        told = tracker.told(TrackEvent.TRANSITION_FAILED)[-1]
        assert str(path) in told and reason in told, told
    assert tracker.set(model__checkpoint='').successful
    tracker.bring_up()
    assert ids(track(tracker, 1)) == []


class Payload:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize('name', ['weights.pt', 'weights.safetensors'])
def test_fault_32_a_malicious_pickle_is_refused_and_nothing_in_it_is_executed(
    tracker: TrackerInProcess, tmp_path: Path, name: str
) -> None:
    executed = tmp_path / 'executed'
    (tmp_path / name).write_bytes(pickle.dumps({'model': Payload(executed)}))
    assert tracker.set(model__checkpoint=str(tmp_path / name)).successful
    assert not tracker.request(label='configure')
    assert tracker.state() == 'unconfigured'
    assert not executed.exists()
    pickle.loads((tmp_path / name).read_bytes())
    assert executed.exists()  # so it would have been


def test_fault_32_weights_of_another_hash_are_refused(tracker: TrackerInProcess) -> None:
    assert tracker.set(model__checkpoint=str(SHIPPED_WEIGHTS), model__sha256='ab' * 32).successful
    assert not tracker.request(label='configure')
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.TRANSITION_FAILED)))
    assert 'expected the SHA-256 abab' in tracker.told(TrackEvent.TRANSITION_FAILED)[0]
