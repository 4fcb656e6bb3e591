"""What each step of the node costs beside the network, and what it may cost: `python -m sam2s_ros.step_costs`.

One thread on a 720p image with four instruments; computing time, so that it means something on a busy machine, too.
Messages are made, not sent: what DDS takes is in `sam2s_ros.publishing_benchmark`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice

import cv2
import numpy as np
from std_msgs.msg import Header

from sam2s_model import Frame, build_tracker
from sam2s_ros.class_table import ClassTable
from sam2s_ros.conversions import image_message, jpeg_message, track_array
from sam2s_ros.frame_buffer import FrameBuffer
from sam2s_ros.image_codec import decode
from sam2s_ros.output_images import OutputImages
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.publishing_benchmark import ReadyMasks, instruments_request, tissue_images
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracking_session import TrackingSession
from sam2s_ros.video_health import VideoHealth

HEIGHT, WIDTH = 720, 1280
OBJECTS = 4
WARM_UP = 3


@dataclass(frozen=True)
class Step:
    """One step: its name, the milliseconds that it may take, and what does it."""

    name: str
    budget_ms: float
    work: Callable[[], object]


@dataclass(frozen=True)
class StepCost:
    """What a step took in milliseconds of one thread, median and 95th percentile."""

    step: Step
    median_ms: float
    p95_ms: float


def steps_of(height: int, width: int) -> tuple[Step, ...]:
    """All steps between an image and its messages, but for the network."""
    received = next(tissue_images(height, width))
    rgb = decode(received.message)
    header = Header(frame_id='endoscope')
    blue_first = image_message(header, np.ascontiguousarray(rgb[..., ::-1]), 'bgr8')
    jpeg = jpeg_message(header, rgb, 90)
    frame, tracker, health = Frame(rgb, 1), build_tracker(device='cpu'), VideoHealth()
    classes, look = ClassTable({'grasper': 1}), OverlayParameters()
    session = TrackingSession(
        ReadyMasks(height, width), lambda image: Frame(decode(image.message), image.stamp_ns),
        FrameBuffer(2, 10**9), classes, StateLimits(), OBJECTS,
    )  # fmt: skip
    arrivals = tissue_images(height, width)
    session.track(next(arrivals))
    session.add_prompts([instruments_request(str(n), height, width) for n in range(OBJECTS)], 0, atomic=True)
    tracked = session.track(next(arrivals))
    soon = cycle(list(islice(arrivals, 2)))

    def drawn() -> OutputImages:
        return OutputImages(tracked, classes, look, BinaryParameters())

    overlay, instances = drawn().overlay, drawn().instances
    return (
        Step('decode rgb8', 0.2, lambda: decode(received.message)),
        Step('decode bgr8', 2.0, lambda: decode(blue_first)),
        Step('decode JPEG', 20.0, lambda: decode(jpeg)),
        Step('squash to the square of lite', 6.0, lambda: tracker.prepare(frame)),
        Step('is anything to be seen', 1.0, lambda: health.judge(rgb, 0.04)),
        Step('run lengths, 4 masks', 2.0, lambda: [encode_mask(found.mask) for found in tracked.objects]),
        Step('session: decode rgb8, look, run lengths, states', 4.0, lambda: session.track(next(soon))),
        Step('message of tracks', 1.0, lambda: track_array(tracked)),
        Step('label image', 1.0, lambda: drawn().instances),
        Step('message of a label image', 0.5, lambda: image_message(header, instances, 'mono8')),
        Step('overlay', 6.0, lambda: drawn().overlay),
        Step('JPEG of the overlay', 8.0, lambda: jpeg_message(header, overlay, look.jpeg_quality)),
    )


def measure(steps: Sequence[Step], rounds: int) -> list[StepCost]:
    """Take the steps in turns, so many times."""
    spent: dict[str, list[float]] = {step.name: [] for step in steps}
    for step in chain(*[steps] * (WARM_UP + rounds)):
        begun = time.thread_time()
        step.work()
        spent[step.name].append((time.thread_time() - begun) * 1e3)
    return [_cost(step, spent[step.name][WARM_UP:]) for step in steps]


def _cost(step: Step, spent: list[float]) -> StepCost:
    return StepCost(step, statistics.median(spent), float(np.percentile(spent, 95)))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=50, help='times that each step is taken')
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)  # as in the node
    print(f'{WIDTH}×{HEIGHT}, {OBJECTS} objects; ms of one thread{"":<13} median     95 %   budget')
    for cost in measure(steps_of(HEIGHT, WIDTH), given.rounds):
        late = '' if cost.median_ms <= cost.step.budget_ms else '  over budget'
        print(f'{cost.step.name:<50} {cost.median_ms:8.2f} {cost.p95_ms:8.2f} {cost.step.budget_ms:8.1f}{late}')


if __name__ == '__main__':
    main()
