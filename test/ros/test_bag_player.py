"""Recordings on real topics."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip('rclpy')
from rclpy.qos import QoSProfile  # noqa: E402
from sensor_msgs.msg import CompressedImage  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402

from sam2s_msgs.msg import TrackArray  # noqa: E402
from sam2s_ros import bag_player  # noqa: E402
from sam2s_ros.bag_io import BagReader  # noqa: E402
from sam2s_ros.bag_player import BagPlayer, Playback, main  # noqa: E402
from sam2s_ros.bag_types import stamp_ns  # noqa: E402
from sam2s_ros.labelled_bag import IMAGE_TOPIC, stamp_of  # noqa: E402

pytestmark = pytest.mark.ros

STAMPS = [stamp_of(index, 25) for index in range(25)]


@pytest.fixture
def received(bench: Any) -> Iterator[list[tuple[float, CompressedImage]]]:
    """The images that arrive on the recording's topic, each with the time it came."""
    images: list[tuple[float, CompressedImage]] = []
    subscription = bench.node.create_subscription(
        CompressedImage, IMAGE_TOPIC, lambda image: images.append((time.monotonic(), image)), QoSProfile(depth=50)
    )
    yield images
    bench.node.destroy_subscription(subscription)


@pytest.fixture
def play(ros_domain: int, blob_bag: Path) -> Iterator[Callable[..., int]]:
    """Play the recording of blobs in this process."""
    rclpy.init(domain_id=ros_domain)

    def run(**settings: Any) -> int:
        with BagReader(blob_bag) as bag:
            player = BagPlayer(bag, IMAGE_TOPIC, None, Playback(**settings))
            assert player.wait_for_subscriber(10)
            published = player.play()
            player.destroy_node()
            return published

    yield run
    rclpy.try_shutdown()


def test_every_image_arrives_with_its_header_at_the_recordings_pace(
    play: Callable[..., int], received: list[tuple[float, Any]], until: Callable[..., None]
) -> None:
    assert play() == 25
    until(lambda: len(received) == 25)
    assert [stamp_ns(image) for _, image in received] == STAMPS
    assert {image.header.frame_id for _, image in received} == {'endoscope'}
    assert received[-1][0] - received[0][0] == pytest.approx(24 / 25, abs=0.25)


def test_four_times_the_rate_takes_a_quarter_of_the_time(
    play: Callable[..., int], received: list[tuple[float, Any]], until: Callable[..., None]
) -> None:
    play(rate=4.0)
    until(lambda: len(received) == 25)
    assert received[-1][0] - received[0][0] == pytest.approx(24 / 100, abs=0.2)


def test_playing_can_start_later(
    play: Callable[..., int], received: list[tuple[float, Any]], until: Callable[..., None]
) -> None:
    assert play(start_s=0.8, rate=4.0) == 5
    until(lambda: len(received) == 5)
    assert stamp_ns(received[0][1]) == STAMPS[20]


def test_a_loop_begins_again_until_it_is_stopped(
    ros_domain: int, blob_bag: Path, received: list[tuple[float, Any]], until: Callable[..., None]
) -> None:
    rclpy.init(domain_id=ros_domain)
    with BagReader(blob_bag) as bag:
        player = BagPlayer(bag, IMAGE_TOPIC, None, Playback(rate=10.0, loop=True))
        assert player.wait_for_subscriber(10)
        thread = threading.Thread(target=player.play)
        thread.start()
        until(lambda: len(received) > 30)
        player.stop()
        thread.join(5)
        player.destroy_node()
    rclpy.try_shutdown()
    assert not thread.is_alive()
    stamps = [stamp_ns(image) for _, image in received]
    assert stamps[:26] == [*STAMPS, STAMPS[0]]


def test_a_player_without_subscribers_waits(ros_domain: int, blob_bag: Path) -> None:
    rclpy.init(domain_id=ros_domain)
    with BagReader(blob_bag) as bag:
        player = BagPlayer(bag, IMAGE_TOPIC, '/nobody/listens')
        assert not player.wait_for_subscriber(0.1)
        player.destroy_node()
    rclpy.try_shutdown()


def test_a_player_waits_for_the_node_that_is_named(
    bench: Any, received: list[Any], spinning_player: Callable[..., BagPlayer]
) -> None:
    player = spinning_player()
    assert not player.wait_for_subscriber(0.5, node='tracker')
    assert player.wait_for_subscriber(10, node='/somewhere/bench')


@pytest.mark.parametrize('settings', [{'rate': 0.0}, {'rate': float('nan')}, {'start_s': -1.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match='expected rate > 0'):
        Playback(**settings)


def test_the_process_plays_under_another_name(bench: Any, blob_bag: Path, until: Callable[..., None]) -> None:
    images: list[CompressedImage] = []
    bench.node.create_subscription(CompressedImage, '/other/compressed', images.append, QoSProfile(depth=50))
    player = bench.start('sam2s_ros.bag_player', str(blob_bag), '--as', '/other/compressed', '--rate', '5')
    assert player.wait() == 0, player.output
    until(lambda: len(images) == 25)


def test_the_process_ends_on_ctrl_c_while_it_waits(bench: Any, blob_bag: Path) -> None:
    player = bench.start('sam2s_ros.bag_player', str(blob_bag), '--as', '/nobody/listens')
    player.wait_for_output('waiting for a subscriber')
    player.signal(signal.SIGINT)
    assert player.wait(5) == 0, player.output


def test_a_bag_that_cannot_be_read_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match='error: expected a rosbag2 folder'):
        main([str(tmp_path / 'nowhere')])


def test_the_process_plays_the_prompts_that_lie_with_the_recording(
    bench: Any, blob_bag: Path, ros_home: Path, until: Callable[..., None]
) -> None:
    bench.environment |= {'ROS_HOME': str(ros_home), 'PYTHONPATH': os.pathsep.join(sys.path)}
    heard: list[TrackArray] = []
    bench.node.create_subscription(TrackArray, '/sam2s_tracker/tracks', heard.append, QoSProfile(depth=50))
    tracker = bench.start('blob_tracker_node')
    try:
        until(lambda: bench.node.count_publishers('/sam2s_tracker/tracks') == 1, 60)
        words = ['--as-base', 'image', '--wait-for', 'sam2s_tracker', '--prompts', 'beside']
        player = bench.start('sam2s_ros.bag_player', str(blob_bag), *words)
        assert player.wait() == 0, player.output
        assert '25 images published' in player.output and 'never answered' not in player.output
        until(lambda: bool(heard) and {track.object_id for track in heard[-1].tracks} == {'left', 'right'})
    finally:
        tracker.signal(signal.SIGINT)
        assert tracker.wait(30) == 0, tracker.output
    until(lambda: bench.node.count_publishers('/sam2s_tracker/tracks') == 0, 30)


@pytest.mark.parametrize('script', ['nowhere.yaml', ''])
def test_a_script_that_cannot_be_read_is_an_error_of_one_line(blob_bag: Path, tmp_path: Path, script: str) -> None:
    (blob_bag / 'prompts.yaml').write_text('prompts: 3')
    with pytest.raises(SystemExit, match=r'nowhere\.yaml|expected image_topic'):
        main([str(blob_bag), '--prompts', str(tmp_path / script) if script else 'beside'])


class SlowListener:
    """Says of each image, a while after it came, that it was tracked."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench
        self._tracks = bench.node.create_publisher(TrackArray, '/sam2s_tracker/tracks', 10)
        self.stamps: list[int] = []
        self._images = bench.node.create_subscription(CompressedImage, IMAGE_TOPIC, self._answer, QoSProfile(depth=1))

    def _answer(self, image: CompressedImage) -> None:
        time.sleep(0.05)
        self.stamps.append(stamp_ns(image))
        self._tracks.publish(TrackArray(header=image.header))

    def close(self) -> None:
        self._bench.node.destroy_subscription(self._images)
        self._bench.node.destroy_publisher(self._tracks)


@pytest.fixture
def spinning_player(ros_domain: int, blob_bag: Path) -> Iterator[Callable[..., BagPlayer]]:
    """A player of the recording of blobs whose subscriptions and services are answered."""
    rclpy.init(domain_id=ros_domain)
    with BagReader(blob_bag) as bag:

        def make(**settings: Any) -> BagPlayer:
            player = BagPlayer(bag, IMAGE_TOPIC, None, Playback(**settings))
            threading.Thread(target=rclpy.spin, args=(player,), daemon=True).start()
            assert player.wait_for_subscriber(10)
            return player

        yield make
        rclpy.try_shutdown()


def test_in_steps_nothing_is_lost_by_a_listener_that_is_slower_than_the_recording(
    bench: Any,
    spinning_player: Callable[..., BagPlayer],
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bag_player, 'STEP_TIMEOUT_S', 1.0)
    listener = SlowListener(bench)
    player = spinning_player(step=True)
    until(lambda: player.count_publishers('/sam2s_tracker/tracks') == 1)
    time.sleep(0.3)
    assert player.play() == 25
    assert listener.stamps == STAMPS
    listener.close()


def test_a_player_that_is_paused_goes_on_where_it_was(
    bench: Any, received: list[tuple[float, CompressedImage]], spinning_player: Callable[..., BagPlayer]
) -> None:
    player = spinning_player(paused=True)
    thread = threading.Thread(target=player.play)
    thread.start()
    time.sleep(0.3)
    assert received == []
    client = bench.node.create_client(SetBool, 'bag_player/set_paused')
    assert client.wait_for_service(10)
    client.call_async(SetBool.Request(data=False))
    time.sleep(0.3)
    player.pause(True)
    time.sleep(0.2)
    seen = len(received)
    assert 0 < seen < 25
    time.sleep(0.3)
    assert len(received) == seen
    player.pause(False)
    thread.join(10)
    deadline = time.monotonic() + 5
    while len(received) < 25 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [stamp_ns(image) for _, image in received] == STAMPS
    bench.node.destroy_client(client)
