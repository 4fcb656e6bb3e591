"""The tracker as a process: how it starts, refuses to start, finds its images, and ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from sam2s_msgs.msg import Prompt, PromptResult, TrackArray
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message, jpeg_message
from sam2s_ros.health import NodeState
from sam2s_ros.tracker_node import TrackerNode, _spin_until

pytestmark = pytest.mark.ros

Until = Callable[..., None]
NODE = 'sam2s_ros.tracker_node'
PICTURE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def raw(frame_id: str) -> Image:
    return image_message(Header(frame_id=frame_id), PICTURE, 'rgb8')


def jpeg(frame_id: str) -> CompressedImage:
    return jpeg_message(Header(frame_id=frame_id), PICTURE, 90)


def start(bench: Any, name: str, *parameters: str) -> Any:
    """Start a tracker called ``name`` that listens to ``/name/image``."""
    arguments = [part for parameter in parameters for part in ('-p', parameter)]
    return bench.start(NODE, '--ros-args', '-r', f'__node:={name}', '-r', f'image:=/{name}/image', *arguments)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_within_five_seconds_with_zero(bench: Any, number: signal.Signals) -> None:
    process = start(bench, f'ended_by_{number.name.lower()}')
    process.wait_for_output('ready')
    process.signal(number)
    began = time.monotonic()
    assert process.wait() == 0, process.output
    assert time.monotonic() - began < 5.0
    assert 'Traceback' not in process.output


def test_fault_42_a_signal_right_after_the_start_ends_the_node_with_zero(bench: Any, until: Until) -> None:
    process = start(bench, 'hasty')
    until(lambda: 'hasty' in bench.node.get_node_names(), 60.0, lambda: process.output)
    process.signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait() == 0, process.output
    assert time.monotonic() - began < 5.0
    assert 'Traceback' not in process.output


def test_a_callback_that_outlasts_the_executor_is_no_error(ros_domain: int) -> None:
    rclpy.init(domain_id=ros_domain)
    node = TrackerNode(parameter_overrides=[Parameter('autostart', value=False)])
    for _ in range(4):
        node.create_timer(0.001, lambda: time.sleep(0.02), MutuallyExclusiveCallbackGroup())
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    _spin_until(stop, node)
    assert node.state is NodeState.FINALIZED
    node.destroy_node()
    rclpy.try_shutdown()


def test_fault_42_a_signal_while_tracking_ends_the_node_within_five_seconds(bench: Any, until: Until) -> None:
    process = start(bench, 'busy')
    tracks: list[TrackArray] = []
    bench.node.create_subscription(TrackArray, '/busy/tracks', tracks.append, 10)
    camera = bench.node.create_publisher(Image, '/busy/image', QoSProfile(depth=1))
    timer = bench.node.create_timer(0.02, lambda: camera.publish(raw('busy')))
    until(lambda: tracks, 60.0, lambda: process.output)
    client = bench.node.create_client(AddPrompts, '/busy/add_prompts')
    assert client.wait_for_service(10.0)
    future = client.call_async(AddPrompts.Request(prompts=[Prompt(box=[10.0, 10.0, 90.0, 80.0])], return_masks=True))
    until(future.done, 20.0, lambda: process.output)
    assert future.result().success
    process.signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait() == 0, process.output
    assert time.monotonic() - began < 5.0
    assert 'Traceback' not in process.output
    bench.node.destroy_timer(timer)


def test_fault_15_a_prompt_before_the_first_image_hears_no_image(bench: Any, until: Until) -> None:
    process = start(bench, 'blind')
    process.wait_for_output('ready')
    client = bench.node.create_client(AddPrompts, '/blind/add_prompts')
    assert client.wait_for_service(10.0)
    future = client.call_async(AddPrompts.Request(prompts=[Prompt(box=[1.0, 1.0, 9.0, 9.0])]))
    until(future.done, 10.0, lambda: process.output)
    response = future.result()
    assert (response.success, response.code) == (False, PromptResult.NO_IMAGE)
    assert response.message == 'no image has arrived yet'
    process.kill()


def foreign_checkpoint(folder: Path) -> Path:
    from safetensors.numpy import save_file

    path = folder / 'foreign.safetensors'
    save_file({'layer.weight': np.zeros((3, 3), np.float32)}, path)
    return path


def broken_checkpoint(folder: Path) -> Path:
    path = folder / 'broken.safetensors'
    path.write_bytes(b'no weights at all')
    return path


def missing_checkpoint(folder: Path) -> Path:
    return folder / 'missing.safetensors'


@pytest.mark.parametrize('make', [missing_checkpoint, foreign_checkpoint, broken_checkpoint])
def test_fault_31_a_checkpoint_that_cannot_be_used_is_told_in_one_line_and_can_be_corrected(
    bench: Any, until: Until, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    name = path.stem
    process = start(bench, name, f'model.checkpoint:={path}')
    process.wait_for_output('correct it, then run')
    told = [line for line in process.output.splitlines() if '[ERROR]' in line]
    assert len(told) == 1 and 'cannot configure: ' in told[0] and path.name in told[0]
    assert 'Traceback' not in process.output

    def call(kind: type, service: str, request: Any) -> Any:
        client = bench.node.create_client(kind, f'/{name}/{service}')
        assert client.wait_for_service(10.0)
        future = client.call_async(request)
        until(future.done, 60.0, lambda: process.output)
        return future.result()

    corrected = Parameter('model.checkpoint', value='').to_parameter_msg()
    (result,) = call(SetParameters, 'set_parameters', SetParameters.Request(parameters=[corrected])).results
    assert result.successful, result.reason
    for label in ('configure', 'activate'):
        request = ChangeState.Request(transition=Transition(label=label))
        assert call(ChangeState, 'change_state', request).success, process.output
    process.wait_for_output('ready')
    process.kill()


@pytest.mark.parametrize(
    ('parameter', 'reason'),
    [('model.device:=cuda:7', 'cuda:7'), ('labels.file:=/no/such/labels.yaml', '/no/such/labels.yaml')],
)
def test_what_is_missing_on_this_machine_is_told_in_one_line(bench: Any, parameter: str, reason: str) -> None:
    process = start(bench, 'unfit', parameter)
    process.wait_for_output('correct it, then run')
    (line,) = [line for line in process.output.splitlines() if '[ERROR]' in line]
    assert 'cannot configure: ' in line and reason in line
    process.signal(signal.SIGINT)
    assert process.wait() == 0


@pytest.mark.parametrize(
    ('parameter', 'reason'),
    [
        ('model.chekpoint:=x', 'unknown parameter model.chekpoint'),
        ('model.size:=huge', "came 'huge'"),
        ('model.size:=tiny', 'tiny is shipped without weights'),
        ('image_transport:=pigeon', 'image_transport'),
    ],
)
def test_a_parameter_that_makes_no_sense_refuses_the_start_in_one_line(bench: Any, parameter: str, reason: str) -> None:
    process = start(bench, 'unfit', parameter)
    assert process.wait() == 1
    (line,) = process.output.splitlines()
    assert 'refusing to start' in line
    assert reason in line


def test_best_effort_publishers_are_heard_and_so_are_those_who_come_late(bench: Any, until: Until) -> None:
    process = start(bench, 'patient')
    process.wait_for_output('ready')
    heard: list[str] = []
    bench.node.create_subscription(TrackArray, '/patient/tracks', lambda m: heard.append(m.header.frame_id), 10)
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    camera = bench.node.create_publisher(Image, '/patient/image', qos)
    timer = bench.node.create_timer(0.05, lambda: camera.publish(raw('late')))
    until(lambda: 'late' in heard, 20.0, lambda: process.output)
    assert 'best_effort' in process.output
    bench.node.destroy_timer(timer)
    process.kill()


def test_compressed_images_are_found_beside_the_topic_and_under_any_name(bench: Any, until: Until) -> None:
    process = start(bench, 'thrifty')
    process.wait_for_output('ready')
    heard: list[str] = []
    bench.node.create_subscription(TrackArray, '/thrifty/tracks', lambda m: heard.append(m.header.frame_id), 10)
    for topic in ('/thrifty/image/compressed', '/thrifty/image'):
        camera = bench.node.create_publisher(CompressedImage, topic, QoSProfile(depth=1))
        timer = bench.node.create_timer(0.05, lambda camera=camera, topic=topic: camera.publish(jpeg(topic)))
        until(lambda topic=topic: topic in heard, 20.0, lambda: process.output)
        bench.node.destroy_timer(timer)
        bench.node.destroy_publisher(camera)
        heard.clear()
    process.kill()
