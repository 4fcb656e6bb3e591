"""The real executable over real DDS: images in, tracks out, prompts by service, bad input survived, clean ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from builtin_interfaces.msg import Time
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from sam2s_model.phantom import PhantomConfig, PhantomVideo, generate
from sam2s_msgs.msg import Prompt, PromptResult, Track, TrackArray
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message, mask_runs, stamp_ns, time_message
from sam2s_ros.image_codec import decode
from sam2s_ros.run_lengths import decode_mask, encode_mask

pytestmark = pytest.mark.ros

Until = Callable[..., None]
NODE = 'sam2s_ros.tracker_node'
HEIGHT, WIDTH = 180, 320
START_NS = 1_700_000_000_000_000_007
PERIOD_NS = 40_000_000


@cache
def surgery() -> PhantomVideo:
    """Two instruments on tissue, both in view on each of twelve frames."""
    config = PhantomConfig(
        height=HEIGHT,
        width=WIDTH,
        frames=12,
        objects=(2, 2),
        distractors=0,
        instruments=1.0,
        lookalikes=0.0,
        tissue=1.0,
        absence=0.0,
        late=0.0,
        motion=0.5,
        disturbance=0.2,
    )
    return next(video for video in (generate(config, seed) for seed in range(50)) if shows_two(video))


def shows_two(video: PhantomVideo) -> bool:
    return all(int((labels == n).sum()) > 1000 for labels in video.labels for n in (1, 2))


class Recorder:
    """All messages of a topic, in order."""

    def __init__(self, bench: Any, kind: type, topic: str) -> None:
        self.messages: list[Any] = []
        qos = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        self._subscription = bench.node.create_subscription(kind, topic, self.messages.append, qos)

    def of(self, header: Header) -> Any:
        return next((message for message in self.messages if message.header == header), None)


@dataclass
class Theatre:
    """A running tracker, a camera in front of it and a person beside it."""

    bench: Any
    process: Any
    tracks: Recorder
    camera: Any
    until: Until
    next_stamp_ns: int = START_NS

    def header(self, frame_id: str = 'endoscope_left') -> Header:
        self.next_stamp_ns += PERIOD_NS
        return Header(stamp=time_message(self.next_stamp_ns), frame_id=frame_id)

    def show(self, frame: int, header: Header | None = None) -> TrackArray:
        """Publish a phantom frame; the tracks of it."""
        return self.send(image_message(header or self.header(), surgery().frames[frame], 'rgb8'))

    def send(self, image: Image) -> TrackArray:
        self.camera.publish(image)
        self.until(
            lambda: self.tracks.of(image.header) is not None, 20.0, lambda: f'tracks; log:\n{self.process.output}'
        )
        return self.tracks.of(image.header)

    def call(self, kind: type, name: str, request: Any) -> Any:
        client = self.bench.node.create_client(kind, f'/sam2s_tracker/{name}')
        assert client.wait_for_service(10.0)
        future = client.call_async(request)
        self.until(future.done, 20.0, lambda: f'an answer of {name}; log:\n{self.process.output}')
        self.bench.node.destroy_client(client)
        return future.result()

    def prompt(self, *prompts: Prompt, header: Header | None = None, **options: Any) -> AddPrompts.Response:
        options = {'return_masks': True, 'timeout': 20.0} | options
        request = AddPrompts.Request(header=header or Header(), prompts=prompts, **options)
        return self.call(AddPrompts, 'add_prompts', request)

    def reset(self) -> None:
        assert self.call(Trigger, 'reset', Trigger.Request()).success


@pytest.fixture(scope='module')
def running(bench: Any, until: Until) -> Iterator[Theatre]:
    process = bench.start(NODE, '--ros-args', '-r', 'image:=/camera/image_raw', '-p', 'services.max_wait:=20.0')
    camera = bench.node.create_publisher(Image, '/camera/image_raw', QoSProfile(depth=1))
    tracks = Recorder(bench, TrackArray, '/sam2s_tracker/tracks')
    process.wait_for_output('ready')
    until(lambda: camera.get_subscription_count() == 1 and bench.node.count_publishers('/sam2s_tracker/tracks') == 1)
    yield Theatre(bench, process, tracks, camera, until)


@pytest.fixture
def theatre(running: Theatre) -> Theatre:
    assert running.process.is_alive, running.process.output
    running.reset()
    return running


def true_mask(frame: int, label: int) -> np.ndarray:
    return surgery().labels[frame] == label


def mask_prompt(object_id: str, mask: np.ndarray, label: str = '') -> Prompt:
    runs = encode_mask(mask)
    roi = RegionOfInterest(x_offset=runs.x, y_offset=runs.y, width=runs.width, height=runs.height)
    return Prompt(object_id=object_id, label=label, mask_counts=runs.counts.tolist(), mask_roi=roi)


def box_prompt(object_id: str, label: int) -> Prompt:
    x, y, width, height = cv2.boundingRect(true_mask(0, label).astype(np.uint8))
    return Prompt(object_id=object_id, box=[float(x), float(y), float(x + width), float(y + height)])


def mask_of(track: Track) -> np.ndarray:
    return decode_mask(mask_runs(track.roi, track.counts), HEIGHT, WIDTH)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def test_without_prompts_every_image_has_an_empty_track_array_under_its_header(theatre: Theatre) -> None:
    header = theatre.header('/odd frame id')
    message = theatre.show(0, header)
    assert message.header == header
    assert (message.height, message.width, len(message.tracks)) == (HEIGHT, WIDTH, 0)


def test_prompted_instruments_keep_id_slot_and_label_and_their_masks_follow_them(theatre: Theatre) -> None:
    first = theatre.header()
    theatre.show(0, first)
    prompts = (mask_prompt('left', true_mask(0, 1), 'grasper'), mask_prompt('right', true_mask(0, 2), 'scissors'))
    response = theatre.prompt(*prompts, header=first)
    assert response.success, response.message
    assert [(result.object_id, result.slot, result.code) for result in response.results] == [
        ('left', response.tracks.tracks[0].slot, PromptResult.OK),
        ('right', response.tracks.tracks[1].slot, PromptResult.OK),
    ]
    assert response.applied_stamp == first.stamp
    overlaps = []
    for frame in range(1, 6):
        message = theatre.show(frame)
        assert [track.object_id for track in message.tracks] == ['left', 'right']
        assert [track.slot for track in message.tracks] == [result.slot for result in response.results]
        assert [track.label for track in message.tracks] == ['grasper', 'scissors']
        overlaps += [overlap(mask_of(track), true_mask(frame, n)) for n, track in enumerate(message.tracks, start=1)]
    assert np.mean(overlaps) > 0.6


def test_masks_returned_by_the_service_are_those_of_the_prompted_image(theatre: Theatre) -> None:
    first = theatre.header()
    theatre.show(0, first)
    theatre.show(8)
    response = theatre.prompt(mask_prompt('a', true_mask(0, 1)), header=first)
    assert response.tracks.header == first
    assert overlap(mask_of(response.tracks.tracks[0]), true_mask(0, 1)) > 0.6


def test_an_image_of_stamp_zero_is_answered_with_stamp_zero(theatre: Theatre) -> None:
    header = Header(stamp=Time(), frame_id=f'stampless {time.monotonic_ns()}')
    assert theatre.show(0, header).header == header


def test_every_output_carries_the_header_of_its_image(theatre: Theatre) -> None:
    bench, name = theatre.bench, '/sam2s_tracker'
    outputs = [
        Recorder(bench, Image, f'{name}/instances/mask'),
        Recorder(bench, Image, f'{name}/overlay'),
        Recorder(bench, CompressedImage, f'{name}/overlay/compressed'),
    ]
    topics = [f'{name}/{topic}' for topic in ('instances/mask', 'overlay', 'overlay/compressed')]
    theatre.until(lambda: all(bench.node.count_publishers(topic) for topic in topics))
    theatre.show(0)
    theatre.prompt(mask_prompt('a', true_mask(0, 1)))

    def arrive_for(header: Header) -> bool:
        # An image output starts with the first image after its listener was discovered, and follows its tracks.
        theatre.show(1, header)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline and not all(output.of(header) for output in outputs):
            time.sleep(0.01)
        return all(output.of(header) for output in outputs)

    header = next(header for header in iter(theatre.header, None) if arrive_for(header))
    instances, overlay, jpeg = (output.of(header) for output in outputs)
    assert (instances.encoding, overlay.encoding, jpeg.format) == ('mono8', 'rgb8', 'jpeg')
    track = theatre.tracks.of(header).tracks[0]
    labels = decode(instances)[..., 0]
    np.testing.assert_array_equal(labels == track.slot, mask_of(track))
    assert decode(jpeg).shape == decode(overlay).shape == (HEIGHT, WIDTH, 3)


def test_a_reset_forgets_all_objects_and_changes_the_session(theatre: Theatre) -> None:
    before = theatre.show(0)
    theatre.prompt(mask_prompt('a', true_mask(0, 1)))
    theatre.reset()
    after = theatre.show(1)
    assert (len(after.tracks), after.frame_index) == (0, 0)
    assert after.session_id != before.session_id


def bad_images(header: Callable[[], Header]) -> Iterator[Image]:
    good = {'height': HEIGHT, 'width': WIDTH, 'encoding': 'rgb8', 'step': 3 * WIDTH, 'data': bytes(HEIGHT * WIDTH * 3)}
    changes = [
        {'encoding': 'foo8'},
        {'encoding': ''},
        {'height': 0, 'data': b''},
        {'width': 0, 'step': 0, 'data': b''},
        {'step': 3 * WIDTH - 1},
        {'data': bytes(10)},
        {'height': 60_000, 'width': 60_000, 'step': 180_000},
    ]
    return (Image(header=header(), **(good | change)) for change in changes)


def test_images_that_make_no_sense_are_skipped_and_the_next_good_one_is_tracked(theatre: Theatre) -> None:
    theatre.show(0)
    prompt = Prompt(box=[1.0, 1.0, 9.0, 9.0])
    for image in bad_images(theatre.header):
        theatre.camera.publish(image)
        theatre.until(lambda image=image: theatre.prompt(prompt, header=image.header).code == PromptResult.NO_IMAGE)
        theatre.show(1)
        assert theatre.tracks.of(image.header) is None
    theatre.process.wait_for_output('image skipped: expected')
    assert 'Traceback' not in theatre.process.output


@pytest.mark.parametrize(
    ('prompt', 'code'),
    [
        (Prompt(object_id='a', box=[300.0, 10.0, 400.0, 90.0]), PromptResult.OUT_OF_IMAGE),
        (Prompt(object_id='a', box=[float('nan'), 10.0, 40.0, 90.0]), PromptResult.OUT_OF_IMAGE),
        (Prompt(object_id='a', box=[50.0, 10.0, 40.0, 90.0]), PromptResult.INVALID),
        (Prompt(object_id='a'), PromptResult.INVALID),
        (Prompt(object_id='a', mode=9, box=[1.0, 1.0, 9.0, 9.0]), PromptResult.INVALID),
        (Prompt(object_id='a', mode=Prompt.CORRECT, box=[1.0, 1.0, 9.0, 9.0]), PromptResult.UNKNOWN_ID),
        (
            Prompt(object_id='a', mask=[image_message(Header(), np.ones((9, 9), np.uint8), 'mono8')]),
            PromptResult.SIZE_MISMATCH,
        ),
    ],
)
def test_prompts_that_make_no_sense_hear_why_and_change_nothing(theatre: Theatre, prompt: Prompt, code: int) -> None:
    theatre.show(0)
    response = theatre.prompt(box_prompt('good', 1), prompt)
    assert (response.success, response.code) == (False, code)
    assert response.results[1].message
    assert response.applied_stamp == Time()
    assert len(theatre.show(1).tracks) == 0


def test_an_empty_request_is_invalid(theatre: Theatre) -> None:
    theatre.show(0)
    assert theatre.prompt().code == PromptResult.INVALID


def test_a_stamp_that_is_not_remembered_hears_the_stamps_that_are(theatre: Theatre) -> None:
    header = theatre.header()
    theatre.show(0, header)
    response = theatre.prompt(box_prompt('a', 1), header=Header(stamp=Time(sec=1)))
    assert response.code == PromptResult.STALE_STAMP
    assert f'{header.stamp.sec}.{header.stamp.nanosec:09d}' in response.message


def test_who_does_not_ask_for_masks_and_does_not_wait_hears_that_the_prompt_is_queued(theatre: Theatre) -> None:
    theatre.show(0)
    response = theatre.prompt(box_prompt('a', 1), return_masks=False, timeout=0.0)
    assert (response.success, response.code) == (True, PromptResult.QUEUED)
    theatre.until(lambda: len(theatre.show(1).tracks) == 1)


def test_the_command_line_prompts_the_tracker(theatre: Theatre) -> None:
    theatre.show(0)
    box = [str(number) for number in box_prompt('', 1).box]
    process = theatre.bench.start('sam2s_ros.prompt_cli', '--box', *box, '--id', 'cli', '--label', 'grasper')
    assert process.wait() == 0, process.output
    assert process.output.startswith('cli: slot ')
    (track,) = theatre.show(1).tracks
    assert (track.object_id, track.label) == ('cli', 'grasper')


def test_the_command_line_ends_with_one_when_the_prompt_is_refused(theatre: Theatre) -> None:
    theatre.show(0)
    process = theatre.bench.start('sam2s_ros.prompt_cli', '--points', '5000,10')
    assert process.wait() == 1
    assert 'refused (OUT_OF_IMAGE)' in process.output


def test_a_flood_of_images_is_thinned_and_every_image_is_accounted_for(theatre: Theatre) -> None:
    theatre.show(0)
    before = len(theatre.tracks.messages)
    images = [image_message(theatre.header(), surgery().frames[0], 'rgb8') for _ in range(60)]
    theatre.prompt(box_prompt('a', 1))
    for image in images:
        theatre.camera.publish(image)
        time.sleep(0.004)
    theatre.until(lambda: theatre.tracks.of(images[-1].header) is not None, 20.0)
    results = theatre.tracks.messages[before:]
    stamps = [stamp_ns(message.header.stamp) for message in results]
    assert stamps == sorted(set(stamps))
    assert len(results) + sum(message.dropped for message in results) <= len(images)
    assert len(results) < len(images)
