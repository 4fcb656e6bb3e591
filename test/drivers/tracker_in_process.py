"""A tracker node in the process of the test, with a tracker that needs no network, and a node beside it that asks."""

from __future__ import annotations

import gc
import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam2s_msgs.msg import TrackArray, TrackerStatus, TrackEvent
from sam2s_ros.health import ModelSource
from sam2s_ros.loaded_model import LoadedModel
from sam2s_ros.parameters import ModelParameters
from sam2s_ros.tracker_node import EXECUTOR_THREADS, TrackerNode

DEADLINE_S = 20.0
PARTICIPANTS = 8  # that may wait to be collected; on one machine only the first 32 of a domain are found
_CLOSED = itertools.count(1)
LATCHED = QoSProfile(depth=50, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class TrackerInProcess:
    """A `TrackerNode` that spins in threads, and everything that it says about itself.

    Args:
        domain: ROS domain.
        make_tracker: Called whenever the node loads its model; what it raises, loading raises.
        namespace: Of the tracker and of its camera, with a leading slash.
        parameters: As a launch file would set them.
    """

    def __init__(
        self, domain: int, make_tracker: Callable[[ModelParameters], Any], namespace: str = '', **parameters: Any
    ) -> None:
        self._make_tracker = make_tracker
        self.name = f'{namespace}/sam2s_tracker'
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.exit_codes: list[int] = []
        given = {'autostart': False} | {name.replace('__', '.'): value for name, value in parameters.items()}
        self.node = TrackerNode(
            load=self._load,
            end_process=self.exit_codes.append,
            context=self._context,
            use_global_arguments=False,
            namespace=namespace,
            parameter_overrides=[Parameter(name, value=value) for name, value in given.items()],
        )
        self.beside = Node('beside', context=self._context, use_global_arguments=False)
        self.statuses: list[TrackerStatus] = []
        self.events: list[TrackEvent] = []
        self.tracks: list[TrackArray] = []
        self.beside.create_subscription(TrackArray, f'{self.name}/tracks', self.tracks.append, 50)
        self.camera = self.beside.create_publisher(Image, f'{namespace}/image', QoSProfile(depth=50))
        self.beside.create_subscription(TrackerStatus, f'{self.name}/status', self.statuses.append, LATCHED)
        self.beside.create_subscription(TrackEvent, f'{self.name}/events', self.events.append, LATCHED)
        self._clients: dict[str, Any] = {}
        self._executors = (
            MultiThreadedExecutor(EXECUTOR_THREADS, context=self._context),
            SingleThreadedExecutor(context=self._context),
        )
        self._threads = []
        for executor, node in zip(self._executors, (self.node, self.beside), strict=True):
            executor.add_node(node)
            self._threads.append(threading.Thread(target=executor.spin, daemon=True))
            self._threads[-1].start()

    def _load(self, model: ModelParameters) -> LoadedModel:
        return LoadedModel(
            self._make_tracker(model), ModelSource(model.size, model.device, 'blob.safetensors', 'ab' * 32)
        )

    @property
    def is_spinning(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of the tracker over the middleware."""
        if name not in self._clients:
            self._clients[name] = self.beside.create_client(kind, f'{self.name}/{name}')
        client = self._clients[name]
        assert client.wait_for_service(DEADLINE_S), name
        future = client.call_async(request)
        self.wait_until(future.done)
        return future.result()

    def request(self, number: int = 0, label: str = '') -> bool:
        """Ask for a transition by its number or label; whether it succeeded."""
        transition = Transition(id=number, label=label)
        return bool(self.call(ChangeState, 'change_state', ChangeState.Request(transition=transition)).success)

    def state(self) -> str:
        """The state's label, as the service tells it."""
        return str(self.call(GetState, 'get_state', GetState.Request()).current_state.label)

    def set(self, **values: Any) -> SetParametersResult:
        """Set parameters together; `a__b` is a.b."""
        messages = [
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg() for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=messages)
        return self.call(SetParametersAtomically, 'set_parameters_atomically', request).result

    def bring_up(self) -> None:
        """Configure and activate, and wait for the connection to the camera."""
        assert self.node.change_state('configure') and self.node.change_state('activate')
        self.wait_until(lambda: self.camera.get_subscription_count() == 1)
        self.wait_until(lambda: self.beside.count_publishers(f'{self.name}/tracks') == 1)

    def when_deaf(self, act: Callable[[], None]) -> None:
        """Have something done in a thread as soon as the tracker takes no more images."""

        def wait() -> None:
            self.wait_until(lambda: self.camera.get_subscription_count() == 0)
            act()

        threading.Thread(target=wait, daemon=True).start()

    def show(self, stamp_ns: int, encoding: str = 'mono8') -> None:
        """Publish a small image of noise, of which no two are alike."""
        noise = random.Random(stamp_ns).randbytes(64)
        header = Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id='camera')
        self.camera.publish(Image(header=header, height=8, width=8, step=8, encoding=encoding, data=noise))

    def told(self, code: int) -> list[str]:
        """The texts of the events with a code that have arrived."""
        return [event.text for event in self.events if event.code == code]

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f'not within {timeout_s} s; events: {[e.text for e in self.events]}'
            time.sleep(0.005)

    def wait_for_status(self, condition: Callable[[TrackerStatus], bool]) -> TrackerStatus:
        """The first status from now on for which the condition holds."""
        seen = len(self.statuses)
        self.wait_until(lambda: any(condition(status) for status in self.statuses[seen:]))
        return next(status for status in self.statuses[seen:] if condition(status))

    def close(self) -> None:
        for executor in self._executors:
            executor.shutdown(timeout_sec=1.0)
        for thread in self._threads:
            thread.join(DEADLINE_S)
        self.node.cleanup()
        for node in (self.node, self.beside):
            node.destroy_node()
        self._context.try_shutdown()
        if next(_CLOSED) % PARTICIPANTS == 0:
            gc.collect()
