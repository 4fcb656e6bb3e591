"""`queue.look_ahead`: the shipped network in a live node begins with the next image while one is tracked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import ask, image, track
from tracker_in_process import TrackerInProcess

from sam2s_model import BoxPrompt, Frame, build_tracker, use_threads, used_threads
from sam2s_msgs.msg import Prompt
from sam2s_ros.conversions import mask_runs, stamp_ns
from sam2s_ros.loaded_model import LoadedModel, load_model
from sam2s_ros.parameters import ModelParameters
from sam2s_ros.run_lengths import decode_mask

pytestmark = pytest.mark.ros

SIDE = 192
IMAGES = 40
PERIOD_S = 0.02  # less than the network takes, so that an image waits whenever one is tracked
BOX = (56.0, 56.0, 105.0, 105.0)
THREADS = 2


class LiveLite(TrackerInProcess):
    """The node with the network that it ships, which tells on which images it looked ahead."""

    def _load(self, model: ModelParameters) -> LoadedModel:
        self.ahead: list[int] = []
        loaded = load_model(model)
        assert loaded.look_ahead is not None
        look_ahead = loaded.look_ahead

        def noting(frame: Frame) -> Frame:
            self.ahead.append(frame.stamp_ns)
            return look_ahead(frame)

        return replace(loaded, look_ahead=noting)


@pytest.fixture
def live(ros_domain: int) -> Iterator[LiveLite]:
    parameters = {'queue__look_ahead': True, 'model__threads': THREADS, 'tracking__auto_freeze': False}
    before = used_threads()
    use_threads(1)  # the parameter counts, not what this thread computes with
    node = LiveLite(ros_domain, lambda _: None, **parameters)
    node.bring_up()
    yield node
    node.close()
    use_threads(before)


def picture(number: int) -> NDArray[np.uint8]:
    """A red disc that moves over a pattern."""
    pattern = np.random.default_rng(0).integers(60, 160, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    rgb = cv2.resize(pattern, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    cv2.circle(rgb, (80 + number, 80 + number // 2), 24, (200, 40, 30), -1)
    return rgb


def stamp(number: int) -> int:
    return 10**9 + number * 40_000_000


def tracked_alone(stamps: list[int]) -> dict[int, NDArray[np.bool_]]:
    """Masks of the same images from a tracker that nobody hurries."""
    tracker = build_tracker(threads=THREADS)
    frames = [Frame(picture((time - stamp(0)) // 40_000_000), time) for time in stamps]
    tracker.prompt(frames[0], 'disc', BoxPrompt(BOX))
    return {frame.stamp_ns: tracker.step(frame)['disc'].mask for frame in frames[1:]}


def test_masks_are_those_of_a_tracker_that_does_not_look_ahead(live: LiveLite) -> None:
    track(live, image(stamp(0), picture(0)))
    assert ask(live, Prompt(object_id='disc', box=list(BOX)), stamp=stamp(0), timeout=20.0).success
    seen = len(live.tracks)
    for number in range(1, IMAGES):
        live.camera.publish(image(stamp(number), picture(number)))
        time.sleep(PERIOD_S)
    live.wait_until(lambda: stamp_ns(live.tracks[-1].header.stamp) == stamp(IMAGES - 1))
    results = {stamp_ns(tracks.header.stamp): tracks.tracks for tracks in live.tracks[seen:]}
    assert len(set(live.ahead) & results.keys()) > len(results) / 2
    for time_ns, mask in tracked_alone([stamp(0), *results]).items():
        (found,) = results[time_ns]
        assert found.object_id == 'disc'
        ours = decode_mask(mask_runs(found.roi, found.counts), SIDE, SIDE)
        assert (ours & mask).sum() / (ours | mask).sum() > 0.97, time_ns
