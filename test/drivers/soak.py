"""`make soak MINUTES=30`: a tracker in its own process under everything that a long day brings, on the loopback alone.

A camera of 25 images a second plays a recording that begins again every 20 s; four objects are prompted, forgotten and
prompted again; all is reset once a minute; a reliable listener stops and goes on; 1,000 requests make no sense. Leaves
report.json and the tracker's log; ends with 0 when everything held.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from soak_report import SoakRecord, SoakReport, as_json, as_table, report_of, verdicts
from soak_requests import bad_requests, good_request
from soak_scene import FPS, GREYS, LOOP_FRAMES, SoakScene, number_of, stamp_of
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from sam2s_msgs.msg import TrackArray, TrackerStatus
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message, stamp_ns, time_message

BAD_REQUESTS = 1000
MOST_IN_FLIGHT = 4  # requests that wait for their answer
START_WITHIN_S = 120.0
ANSWER_WITHIN_S = 10.0
GOOD_EVERY_S, RESET_EVERY_S = 2.0, 60.0
LISTENS_S, STOPS_S = 10.0, 5.0
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NAME = '/sam2s_tracker'


class Theatre:
    """Camera, surgeon and recorder of the soak, in one node."""

    def __init__(self, domain: int) -> None:
        self.record = SoakRecord()
        self.begun = time.monotonic()
        self.newest: TrackArray | None = None
        self._shown: dict[int, float] = {}
        self._waiting: dict[Any, tuple[float, Callable[[Any], str]]] = {}
        self._ending = threading.Event()
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('theatre', context=self._context)
        self.camera = self.node.create_publisher(Image, '/image', QoSProfile(depth=1))
        self.prompts = self.node.create_client(AddPrompts, f'{NAME}/add_prompts')
        self.resets = self.node.create_client(Trigger, f'{NAME}/reset')
        self.node.create_subscription(TrackArray, f'{NAME}/tracks', self._on_tracks, 5)
        self.node.create_subscription(TrackerStatus, f'{NAME}/status', self._on_status, LATCHED)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._threads = [threading.Thread(target=self._executor.spin, daemon=True)]
        self._threads[0].start()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.begun

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    def open(self) -> None:
        """The tracker is ready: forget what has been, begin to show images."""
        self.record, self.begun = SoakRecord(), time.monotonic()
        self._threads.append(threading.Thread(target=self._play, daemon=True))
        self._threads[-1].start()

    def ask(self, client: Any, request: Any, judge: Callable[[Any], str]) -> None:
        """Send a request; ``judge`` says what is wrong with its answer."""
        sent = time.monotonic()
        future = client.call_async(request)
        self._waiting[future] = sent, judge
        future.add_done_callback(self._on_answer)

    def close(self) -> None:
        self._ending.set()
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while self._waiting and time.monotonic() < deadline:
            time.sleep(0.05)
        self.record.wrong += ['no answer'] * len(self._waiting)
        self._executor.shutdown(timeout_sec=1.0)
        for thread in self._threads:
            thread.join(5.0)
        self.node.destroy_node()
        self._context.try_shutdown()

    def _play(self) -> None:
        scene, number, begun = SoakScene(), 0, time.monotonic()
        while not self._ending.wait(max(0.0, begun + number / FPS - time.monotonic())):
            stamp = stamp_of(number)
            self._shown[stamp] = time.monotonic()
            header = Header(stamp=time_message(stamp), frame_id='soak')
            self.camera.publish(image_message(header, scene.image(number), 'rgb8'))
            number += 1
            self.record.sent, self.record.loops = number, number // LOOP_FRAMES

    def _on_tracks(self, tracks: TrackArray) -> None:
        self.newest = tracks
        latency = time.monotonic() - self._shown.get(stamp_ns(tracks.header.stamp), time.monotonic())
        self.record.results.append((self.elapsed, latency, len(tracks.tracks)))

    def _on_status(self, status: TrackerStatus) -> None:
        self.record.beats.append((self.elapsed, status.process_memory, status.errors))

    def _on_answer(self, future: Any) -> None:
        sent, judge = self._waiting.pop(future)
        self.record.answers.append(time.monotonic() - sent)
        wrong = judge(future.result())
        if wrong:
            self.record.wrong.append(wrong)


class Surgeon:
    """Decides which request is due."""

    def __init__(self, theatre: Theatre, seconds: float, bad: int) -> None:
        self._theatre = theatre
        self._seconds, self._bad = seconds, bad
        self._nonsense = bad_requests()
        self._next_good, self._next_reset = 0.0, RESET_EVERY_S
        self._random = random.Random(0)

    def act(self) -> None:
        """Send what is due now."""
        theatre, now = self._theatre, self._theatre.elapsed
        due = min(self._bad, round(self._bad * now / (0.9 * self._seconds)))
        while theatre.record.bad_requests < due and theatre.in_flight < MOST_IN_FLIGHT:
            theatre.record.bad_requests += 1
            theatre.ask(theatre.prompts, next(self._nonsense), _applied_nonsense)
        if now >= self._next_reset:
            self._next_reset += RESET_EVERY_S
            theatre.ask(theatre.resets, Trigger.Request(), _refused)
        if now >= self._next_good and self._prompt():
            self._next_good = now + GOOD_EVERY_S

    def _prompt(self) -> bool:
        """Prompt who is missing, or one that is not; whether that was possible."""
        tracks = self._theatre.newest
        stamp = stamp_ns(tracks.header.stamp) if tracks else 0
        # Not around the moment at which the recording begins anew: that image may be gone when the request arrives.
        if tracks is None or not FPS <= number_of(stamp) < LOOP_FRAMES - 2 * FPS:
            return False
        missing = set(GREYS) - {found.object_id for found in tracks.tracks}
        object_ids = sorted(missing) or [self._random.choice(list(GREYS))]
        self._theatre.record.good_requests += 1
        self._theatre.ask(self._theatre.prompts, good_request(stamp, *object_ids), _refused)
        return True


def _refused(answer: Any) -> str:
    return '' if answer.success else f'refused: {answer.message}'


def _applied_nonsense(answer: Any) -> str:
    return f'nonsense was accepted with code {answer.code}' if answer.success or not answer.message else ''


@contextmanager
def child(module: str, domain: int, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours; killed at the end if it is still there."""
    environment = os.environ | {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    with log.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', module, *arguments], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def soak(seconds: float, domain: int, folder: Path, module: str, bad: int) -> tuple[SoakReport, list[str]]:
    """Run it; gives the figures, and what was answered wrongly."""
    theatre = Theatre(domain)
    listening = ('listening_node', domain, folder / 'listener.log', f'{NAME}/tracks', f'{NAME}/overlay')
    with child(module, domain, folder / 'tracker.log') as tracker, child(*listening) as listener:
        try:
            _wait_until_ready(theatre, tracker)
            theatre.open()
            surgeon = Surgeon(theatre, seconds, bad)
            is_stopped = False
            while theatre.elapsed < seconds and tracker.poll() is None:
                surgeon.act()
                if is_stopped != (theatre.elapsed % (LISTENS_S + STOPS_S) > LISTENS_S):
                    is_stopped = not is_stopped
                    theatre.record.stopped_listeners += is_stopped
                    listener.send_signal(signal.SIGSTOP if is_stopped else signal.SIGCONT)
                time.sleep(0.02)
            lasted = theatre.elapsed
        finally:
            theatre.close()
        tracker.terminate()
        return report_of(theatre.record, lasted, _exit_code(tracker)), theatre.record.wrong


def _wait_until_ready(theatre: Theatre, tracker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not (theatre.prompts.service_is_ready() and theatre.camera.get_subscription_count()):
        if tracker.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f'the tracker did not start within {START_WITHIN_S:.0f} s; see tracker.log')
        time.sleep(0.1)


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(10.0)
    except subprocess.TimeoutExpired:
        return -1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--out', type=Path, default=Path('out/soak'))
    parser.add_argument('--tracker', default='sam2s_ros.tracker_node', help='module that is the tracker node')
    parser.add_argument('--domain', type=int, default=random.randint(1, 100), help='ROS domain')
    parser.add_argument('--latency', type=float, default=1.0, help='limit of 99 of 100 latencies, seconds')
    given = parser.parse_args(arguments)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    given.out.mkdir(parents=True, exist_ok=True)
    report, wrong = soak(60 * given.minutes, given.domain, given.out, given.tracker, BAD_REQUESTS)
    judged = verdicts(report, BAD_REQUESTS, given.latency)
    (given.out / 'report.json').write_text(as_json(report, judged, wrong), encoding='utf-8')
    print(as_table(report, judged))
    return 0 if all(judged.values()) else 1


if __name__ == '__main__':
    sys.exit(main())
