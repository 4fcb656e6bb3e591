"""Rows 15 to 27: prompts that make no sense, and requests that come in floods, die or race with an image."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from blob_tracker import BlobTracker
from builtin_interfaces.msg import Time
from fault_bench import HEIGHT, RIGHT, WIDTH, ask, ids, image, point, track
from geometry_msgs.msg import Point32
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from tracker_in_process import TrackerInProcess

from sam2s_model import Frame, FrameResult
from sam2s_msgs.msg import Prompt, PromptResult
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]
NAN, INFINITE = float('nan'), float('inf')
OK, INVALID, OUT_OF_IMAGE = PromptResult.OK, PromptResult.INVALID, PromptResult.OUT_OF_IMAGE


@pytest.fixture
def tracker(start_tracker: Start) -> TrackerInProcess:
    """Tracks the left disc."""
    tracker = start_tracker()
    track(tracker, 1)
    assert ask(tracker, point()).success
    return tracker


def refuses(tracker: TrackerInProcess, code: int, prompt: Prompt, **options: Any) -> AddPrompts.Response:
    """A bad prompt after a good one in an atomic batch leaves all as it was; alone it hears the same."""
    for batch in ([point('right', RIGHT), prompt], [prompt]):
        answer = ask(tracker, *batch, **options)
        assert (answer.success, answer.code) == (False, code), answer.message
        assert answer.message and len(answer.message) < 1000
        assert len(answer.results) == len(batch) and answer.applied_stamp == Time()
    assert ids(track(tracker, tracker.tracks[-1].header.stamp.nanosec + 1)) == ['left']
    return answer


def test_fault_15_a_prompt_before_the_first_image_creates_nothing(start_tracker: Start) -> None:
    tracker = start_tracker()
    answer = ask(tracker, point())
    assert (answer.success, answer.code, answer.message) == (
        False,
        PromptResult.NO_IMAGE,
        'no image has arrived yet',
    )
    assert ids(track(tracker, 1)) == []


def test_fault_16_an_image_that_is_not_remembered_is_answered_with_those_that_are(start_tracker: Start) -> None:
    tracker = start_tracker(input__buffer_frames=2)
    for stamp in (1, 2, 3):
        track(tracker, stamp)
    answer = ask(tracker, point(), stamp=1)
    assert (answer.success, answer.code) == (False, PromptResult.STALE_STAMP)
    assert '0.000000002' in answer.message and '0.000000003' in answer.message
    assert ask(tracker, point(), stamp=10**18).code == PromptResult.STALE_STAMP
    assert ask(tracker, point(), stamp=2).success


@pytest.mark.parametrize(
    'place',
    [(WIDTH + 1, 5), (5, HEIGHT + 1), (-1, 5), (5, -0.5), (NAN, 5), (5, INFINITE), (-INFINITE, NAN), (1e30, 1e30)],
    ids=str,
)
def test_fault_17_a_point_outside_the_image_leaves_everything_as_it_was(
    tracker: TrackerInProcess, place: tuple[float, float]
) -> None:
    refuses(tracker, OUT_OF_IMAGE, point('a', place))


@pytest.mark.parametrize(
    ('box', 'code'),
    [
        ([10.0, 10.0, 10.0, 20.0], INVALID),
        ([10.0, 20.0, 30.0, 20.0], INVALID),
        ([NAN, 10.0, 30.0, 20.0], OUT_OF_IMAGE),
        ([10.0, 10.0, INFINITE, 20.0], OUT_OF_IMAGE),
        ([200.0, 10.0, 300.0, 20.0], OUT_OF_IMAGE),
        ([1.0, 2.0, 3.0], INVALID),
    ],
    ids=str,
)
def test_fault_18_a_box_of_which_no_pixel_is_in_the_image_is_refused(
    tracker: TrackerInProcess, box: list[float], code: int
) -> None:
    refuses(tracker, code, Prompt(object_id='a', box=box))


@pytest.mark.parametrize(
    'prompt',
    [
        Prompt(object_id='a', points=[Point32(x=5.0, y=5.0)], point_labels=[]),
        Prompt(object_id='a', points=[Point32(x=5.0, y=5.0)], point_labels=[1, 0]),
        Prompt(object_id='a', points=[Point32(x=5.0, y=5.0)], point_labels=[2]),
        Prompt(object_id='a', points=[Point32(x=5.0, y=5.0)], point_labels=[0]),
        Prompt(object_id='a', point_labels=[1]),
        Prompt(object_id='a'),
    ],
    ids=['no label', 'two labels', 'label 2', 'background alone', 'no point', 'nothing'],
)
def test_fault_19_labels_that_cannot_mean_an_object_are_refused(tracker: TrackerInProcess, prompt: Prompt) -> None:
    refuses(tracker, INVALID, prompt)


def mask(pixels: np.ndarray, encoding: str = 'mono8') -> Prompt:
    return Prompt(object_id='a', mask=[image_message(Header(), pixels, encoding)])


@pytest.mark.parametrize(
    ('prompt', 'code'),
    [
        (mask(np.ones((HEIGHT, WIDTH + 1), np.uint8)), PromptResult.SIZE_MISMATCH),
        (mask(np.ones((WIDTH, HEIGHT), np.uint8)), PromptResult.SIZE_MISMATCH),
        (mask(np.zeros((HEIGHT, WIDTH), np.uint8)), INVALID),
        (mask(np.ones((HEIGHT, WIDTH, 3), np.uint8), 'rgb8'), INVALID),
        (mask(np.ones((HEIGHT, WIDTH), np.uint8), 'foo8'), INVALID),
        (Prompt(object_id='a', mask_counts=[1, 2, 3]), INVALID),
        (Prompt(object_id='a', mask_counts=[2**32 - 1] * 9), INVALID),
    ],
    ids=['wider', 'turned', 'empty', 'rgb8', 'foo8', 'runs without place', 'endless runs'],
)
def test_fault_20_a_mask_that_does_not_fit_the_image_is_refused(
    tracker: TrackerInProcess, prompt: Prompt, code: int
) -> None:
    refuses(tracker, code, prompt)


def test_fault_21_an_unknown_id_hears_those_that_are_known(tracker: TrackerInProcess) -> None:
    answer = refuses(tracker, PromptResult.UNKNOWN_ID, point('nobody', mode=Prompt.CORRECT))
    assert "'nobody' is not tracked; known are ['left']" in answer.message


def test_fault_22_an_id_that_is_taken_is_refused_also_within_a_batch(tracker: TrackerInProcess) -> None:
    refuses(tracker, PromptResult.DUPLICATE_ID, point('left', RIGHT))
    answer = ask(tracker, point('a'), point('a', RIGHT))
    assert [result.code for result in answer.results] == [PromptResult.DUPLICATE_ID] * 2
    assert ids(track(tracker, 50)) == ['left']


@pytest.mark.parametrize('object_id', ['x' * 65, 'x' * 10_000, 'a\nb', ' a', 'a ', '\u202e'], ids=len)
def test_fault_23_an_id_that_cannot_be_shown_is_refused(tracker: TrackerInProcess, object_id: str) -> None:
    refuses(tracker, INVALID, point(object_id))


@pytest.mark.parametrize('object_id', ['PSM 1', '../etc/passwd', 'ciseaux à gauche', '剪刀', 'x' * 64])
def test_fault_23_any_other_id_is_kept_as_it_is(tracker: TrackerInProcess, object_id: str) -> None:
    assert ask(tracker, point(object_id, RIGHT)).success
    assert ids(track(tracker, 2)) == ['left', object_id]


def test_fault_23_where_no_id_is_given_the_tracker_chooses_one(tracker: TrackerInProcess) -> None:
    answer = ask(tracker, point(''), point('', RIGHT))
    chosen = [result.object_id for result in answer.results]
    assert answer.success and len({*chosen, '', 'left'}) == 4
    assert ids(track(tracker, 2)) == ['left', *chosen]


def test_fault_24_more_objects_than_are_allowed_are_refused_all_or_one_by_one(start_tracker: Start) -> None:
    tracker = start_tracker(tracking__max_objects=16)
    track(tracker, 1)
    hundred = [point(f'object {number}') for number in range(100)]
    answer = ask(tracker, *hundred)
    assert (answer.success, answer.code, len(answer.results)) == (False, PromptResult.LIMIT, 100)
    assert ids(track(tracker, 2)) == []
    answer = ask(tracker, *hundred, atomic=False)
    assert [result.code for result in answer.results] == [OK] * 16 + [PromptResult.LIMIT] * 84
    assert len(track(tracker, 3).tracks) == 16


class SlowTracker(BlobTracker):
    """Takes its time for each image, as a network does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def step(self, frame: Frame) -> FrameResult:
        time.sleep(self._seconds)
        return super().step(frame)


def test_fault_25_a_flood_of_requests_is_answered_and_images_go_on(start_tracker: Start) -> None:
    tracker = start_tracker(lambda: SlowTracker(0.02), services__max_pending=4)
    track(tracker, 1)
    client = tracker.beside.create_client(AddPrompts, '/sam2s_tracker/add_prompts')
    assert client.wait_for_service(10.0)
    request = AddPrompts.Request(prompts=[point('left', mode=Prompt.REPLACE)], return_masks=True)
    before = tracker.wait_for_status(lambda status: True)
    codes, stamp = [], 1
    for _ in range(20):
        flood = [client.call_async(request) for _ in range(8)]  # the middleware keeps ten, and drops what is more
        while not all(future.done() for future in flood):
            stamp += 1
            track(tracker, stamp)
        codes += [future.result().code for future in flood]
    assert set(codes) <= {OK, PromptResult.BUSY} and OK in codes
    after = tracker.wait_for_status(lambda status: status.requests_waiting == 0)
    assert after.processed - before.processed >= 1
    assert after.process_memory - before.process_memory < 50e6
    assert after.errors == 0


class Gate(BlobTracker):
    """Waits in the middle of an image until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_inside, self.open = threading.Event(), threading.Event()
        self.open.set()

    def step(self, frame: Frame) -> FrameResult:
        self.is_inside.set()
        assert self.open.wait(20.0)
        return super().step(frame)


@pytest.fixture
def gate() -> Any:
    gate = Gate()
    yield gate
    gate.open.set()


def hold(tracker: TrackerInProcess, gate: Gate, stamp: int) -> None:
    """Keep the tracker in the middle of an image."""
    gate.is_inside.clear()
    gate.open.clear()
    tracker.camera.publish(image(stamp))
    assert gate.is_inside.wait(20.0)


def test_fault_26_a_client_that_dies_while_it_waits_is_not_missed(start_tracker: Start, gate: Gate) -> None:
    tracker = start_tracker(lambda: gate)
    track(tracker, 1)
    hold(tracker, gate, 2)
    mortal = Node('mortal', context=tracker.beside.context, use_global_arguments=False)
    client = mortal.create_client(AddPrompts, '/sam2s_tracker/add_prompts')
    assert client.wait_for_service(10.0)
    executor = SingleThreadedExecutor(context=tracker.beside.context)
    executor.add_node(mortal)
    client.call_async(AddPrompts.Request(prompts=[point('orphan')], return_masks=True, timeout=5.0))
    tracker.wait_for_status(lambda status: status.requests_waiting == 1)
    executor.shutdown()
    mortal.destroy_node()
    gate.open.set()
    tracker.wait_until(lambda: len(tracker.tracks) == 2)
    assert ask(tracker, point()).success
    assert 'left' in ids(track(tracker, 3))
    assert tracker.wait_for_status(lambda status: True).errors == 0
    assert tracker.is_spinning


def test_fault_27_after_the_answer_to_a_reset_no_result_of_the_old_session_is_published(
    start_tracker: Start, gate: Gate
) -> None:
    tracker = start_tracker(lambda: gate)
    old = track(tracker, 1).session_id
    assert ask(tracker, point()).success
    hold(tracker, gate, 2)
    threading.Timer(0.1, gate.open.set).start()
    answer = tracker.call(Trigger, 'reset', Trigger.Request())
    assert answer.success
    told = len(tracker.tracks)
    tracks = track(tracker, 3)
    assert tracks.session_id != old and ids(tracks) == []
    late = [later for later in tracker.tracks[told:] if later.session_id == old]
    assert [later.header.stamp.nanosec for later in late] in ([], [2])  # sent before the answer, heard after it
