"""Objects on images for the tests of what is made of them, a tracker that needs no network, and ROS test benches."""

from __future__ import annotations

import fcntl
import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from blob_tracker import BlobTracker

from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.object_registry import Identity
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import Judgement, Sighting, TrackState
from sam2s_ros.tracked_image import ObjectClass, StageTimes, TrackedImage, TrackedObject

HEIGHT, WIDTH = 60, 80
DEADLINE_S = 20.0
USED_DOMAINS: set[int] = set()
START_DEADLINE_S = 60.0  # PyTorch alone may take half of it to load on a busy machine


@pytest.fixture(autouse=True)
def ros_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for what nodes keep: none resumes the session of another test."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros_home'))
    return tmp_path / 'ros_home'


@pytest.fixture(autouse=True)
def no_context_left() -> Iterator[None]:
    """A test that fails half-way leaves no ROS context behind, on which every test after it would fail, too."""
    yield
    gc.unfreeze()  # a tracker that was configured in this process froze all there was, dead contexts among it
    if 'rclpy' in sys.modules:
        sys.modules['rclpy'].try_shutdown()


@pytest.fixture
def blob_tracker() -> BlobTracker:
    return BlobTracker()


MakeObject = Callable[..., TrackedObject]


@pytest.fixture
def tracked_object() -> MakeObject:
    """Make an object of which the disc (x, y, radius) is seen on an 80×60 image."""

    def make(
        disc: tuple[int, int, int] | None = (40, 30, 10),
        slot: int = 1,
        score: float = 0.9,
        state: TrackState = TrackState.TRACKED,
        object_id: str = 'a',
    ) -> TrackedObject:
        canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
        if disc is not None:
            cv2.circle(canvas, disc[:2], disc[2], 1, -1)
        mask = canvas.astype(bool)
        return TrackedObject(
            identity=Identity(object_id, slot, 'grasper'),
            object_class=ObjectClass('grasper', 1, 0.75),
            mask=mask,
            runs=encode_mask(mask),
            score=score,
            presence=0.95,
            judgement=Judgement(state, '' if state == TrackState.TRACKED else 'because', state == TrackState.LOST),
            sighting=Sighting(5, 0, 3_000_000_007),
        )

    return make


MakeImage = Callable[..., TrackedImage]


@pytest.fixture
def tracked_image() -> MakeImage:
    """Make the result of a grey 80×60 image with the given objects."""

    def make(
        *objects: TrackedObject, header: object = None, hold: str = '', rgb: np.ndarray | None = None
    ) -> TrackedImage:
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8) if rgb is None else rgb
        image = ReceivedImage(SimpleNamespace(header=header), stamp_ns=5, arrival_ns=0)
        return TrackedImage(image, picture, 7, 'session', objects, StageTimes(0, 0, 0, 0), hold)

    return make


BAG_FPS, BAG_FRAMES = 25, 25


def blob_frames() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A second of two grey discs that move apart, and their label images; `BlobTracker` follows them exactly."""
    frames, labels = [], []
    for index in range(BAG_FRAMES):
        label = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(label, (20, 15 + index // 2), 8, 1, -1)
        cv2.circle(label, (50, 45 - index // 2), 10, 2, -1)
        frames.append(cv2.merge([np.array([0, 100, 200], np.uint8)[label]] * 3))
        labels.append(label)
    return frames, labels


@pytest.fixture
def blob_bag(tmp_path: Path) -> Path:
    """A recording of `blob_frames` with true masks and one box for each disc, on the first image."""
    from sam2s_ros.labelled_bag import EncodedFrame, LabelledObject, script_from_labels, write_labelled_bag

    frames, labels = blob_frames()
    script = script_from_labels(
        labels, [LabelledObject(1, 'left', 'disc'), LabelledObject(2, 'right', 'disc')], BAG_FPS, 'box'
    )
    files = [[cv2.imencode('.png', image)[1].tobytes() for image in pair] for pair in zip(frames, labels, strict=True)]
    write_labelled_bag(tmp_path / 'blobs', [EncodedFrame(image, label) for image, label in files], BAG_FPS, script)
    return tmp_path / 'blobs'


class Bench:
    """A ROS node of the test's own on a domain of its own, spinning in a thread, and node processes beside it."""

    def __init__(self, domain: int, folder: Path) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.environment = os.environ | {
            'ROS_DOMAIN_ID': str(domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'ROS_LOG_DIR': str(folder),
            'OMP_NUM_THREADS': '1',
        }
        self._folder = folder
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('bench', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()
        self._processes: list[NodeProcess] = []

    def start(self, module: str, *arguments: str) -> NodeProcess:
        """Start `python -m module arguments` on the bench's domain."""
        log = self._folder / f'{len(self._processes)}.log'
        process = NodeProcess([sys.executable, '-m', module, *arguments], self.environment, log)
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self._executor.shutdown()
        self._thread.join(DEADLINE_S)
        self.node.destroy_node()
        self._context.try_shutdown()


class NodeProcess:
    """A process that a test started, and what it wrote."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open('wb') as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        return self._log.read_text(errors='replace')

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_for_output(self, text: str, timeout_s: float = START_DEADLINE_S) -> None:
        def shows() -> bool:
            return text in self.output or not self.is_alive

        wait_until(shows, timeout_s, lambda: f'{text!r} in the output of the process:\n{self.output}')
        assert text in self.output, f'the process ended before it wrote {text!r}:\n{self.output}'

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float = START_DEADLINE_S) -> int:
        """Wait for the end; the exit code."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        if self.is_alive:
            self._process.kill()
            self._process.wait(DEADLINE_S)


def wait_until(
    condition: Callable[[], bool], timeout_s: float = DEADLINE_S, expected: Callable[[], str] = lambda: 'the condition'
) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f'not within {timeout_s} s: {expected()}'
        time.sleep(0.01)


@pytest.fixture(scope='session')
def until() -> Callable[..., None]:
    """Poll a condition until it holds; fails after a deadline."""
    return wait_until


@contextmanager
def free_domain() -> Iterator[int]:
    """A ROS domain that no other test process of this machine uses meanwhile, nor has this one ever used.

    Participants live until their context is collected, and on one machine only the first 32 of a domain are found.
    """
    folder = Path(tempfile.gettempdir()) / f'ros_domains_{os.getuid()}'
    folder.mkdir(exist_ok=True)
    for domain in random.sample(sorted(set(range(1, 101)) - USED_DOMAINS), 100 - len(USED_DOMAINS)):
        with (folder / str(domain)).open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            USED_DOMAINS.add(domain)
            yield domain
            return
    raise RuntimeError('all ROS domains from 1 to 100 are in use by tests')


@pytest.fixture(scope='module')
def ros_domain() -> Iterator[int]:
    """A ROS domain for the tests of one module."""
    with free_domain() as domain:
        yield domain
    gc.collect()  # the participants of its contexts


@pytest.fixture(scope='module')
def bench(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A ROS node of the tests' own, and node processes on the same domain."""
    pytest.importorskip('rclpy')
    bench = Bench(ros_domain, tmp_path_factory.mktemp('ros'))
    yield bench
    bench.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test of processes that find each other once more when it fails; the summary tells of both runs."""
    for item in items:
        if item.get_closest_marker('ros') or {'bench', 'ros_domain'} & set(getattr(item, 'fixturenames', ())):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


@pytest.fixture
def start_tracker(ros_domain: int) -> Iterator[Callable[..., Any]]:
    """Bring up a `TrackerInProcess` with a tracker, `BlobTracker` where none is given, and parameters."""
    from tracker_in_process import TrackerInProcess

    started: list[TrackerInProcess] = []

    def begin(make_tracker: Callable[[], Any] = BlobTracker, **parameters: Any) -> TrackerInProcess:
        given = {'status__rate': 50.0, 'tracking__auto_freeze': False} | parameters
        started.append(TrackerInProcess(ros_domain, lambda _: make_tracker(), **given))
        started[-1].bring_up()
        return started[-1]

    yield begin
    for tracker in started:
        tracker.close()
