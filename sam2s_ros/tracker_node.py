"""The tracker as a lifecycle node: images in, masks out, prompts by service. Starts by itself unless told not to."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import MultiThreadedExecutor
from rclpy.service import Service
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import SetBool, Trigger

from sam2s_msgs.srv import (
    AddBox,
    AddPoints,
    AddPrompts,
    EditObject,
    GetObjects,
    LoadSession,
    RemoveObjects,
    SaveSession,
)
from sam2s_ros.callback_guard import guarded_service
from sam2s_ros.connections import Connections
from sam2s_ros.events import EventCode
from sam2s_ros.guarded_lifecycle import GuardedLifecycleNode, StateLost
from sam2s_ros.health import ModelSource, NodeState
from sam2s_ros.heartbeat import Heartbeat
from sam2s_ros.image_subscription import ImageSubscription
from sam2s_ros.package_share import default_labels_file
from sam2s_ros.parameter_store import ParameterStore
from sam2s_ros.parameters import BadParameter, ModelParameters, Parameters, values_of
from sam2s_ros.vitals import Parts, Vitals

if TYPE_CHECKING:
    from sam2s_ros.loaded_model import LoadedModel
    from sam2s_ros.tracking_pipeline import TrackingPipeline

NAME = 'sam2s_tracker'
# One for images, one for a service that waits, one for a transition, one for the heartbeat, one for diagnostics, one
# for parameter services.
EXECUTOR_THREADS = 6
END_WITHIN_S = 3.0  # a transition that takes longer does not hold up the end of the process


class TrackerNode(GuardedLifecycleNode):
    """ROS interface of the tracker. Its callbacks return at once or wait for the worker with a limit.

    Args:
        load: Makes the tracker; None takes the one that the parameters ask for.
        end_process: Called with an exit code when tracking hangs and ``watchdog.exit`` is set.
        options: As for `rclpy.node.Node`.

    Raises:
        BadParameter: A parameter cannot be used.
    """

    def __init__(
        self,
        load: Callable[[ModelParameters], LoadedModel] | None = None,
        end_process: Callable[[int], None] = os._exit,
        **options: Any,
    ) -> None:
        super().__init__(NAME, **options)
        self._load = load
        self._pipeline: TrackingPipeline | None = None
        self._images: ImageSubscription | None = None
        self._model = ModelSource()
        self._answering: tuple[Service, ...] = ()
        self._image_group = MutuallyExclusiveCallbackGroup()
        self._service_group = MutuallyExclusiveCallbackGroup()
        self.has_hung_thread = False
        self._settings = ParameterStore(self, self._is_configured, self._refusal_of, self._adjust)
        connections = Connections(self, self.events)
        self._vitals = Vitals(
            self._parts, lambda: self._settings.current, self.events, connections, end_process, self._waits_for_clock
        )
        rate = self._settings.current.status.rate
        self._heartbeat = Heartbeat(self, rate, self._vitals, connections.look)
        if self._settings.current.start.autostart:
            self._start_soon()

    def configure(self) -> None:
        """Load the model, offer topics and services.

        Raises:
            ValueError, OSError: Checkpoint, device or labels file cannot be used; the message says why.
        """
        # Loads PyTorch, which takes seconds: only now, when signals are handled already.
        from sam2s_ros.loaded_model import load_model
        from sam2s_ros.tracking_pipeline import TrackingPipeline

        parameters = self._settings.current
        labels = Path(parameters.labels.file) if parameters.labels.file else default_labels_file()
        try:
            loaded = (self._load or load_model)(parameters.model)
            self._pipeline = TrackingPipeline(self, parameters, loaded, labels, self.events)
            self._model = loaded.source
            self.get_logger().info(f'model {loaded.source.size}: {loaded.source.running}')
            for degradation in loaded.degradations:
                self.events.emit(EventCode.DEGRADED, degradation)
            self._answering = self._offer_services(self._pipeline)
            # What is loaded stays. To search it for garbage holds all threads up for a tenth of a second now and then.
            gc.freeze()
        except Exception:
            self.cleanup()
            raise

    def activate(self) -> None:
        """Begin to take images."""
        assert self._pipeline is not None
        parameters = self._settings.current
        self._pipeline.start()
        self._images = ImageSubscription(
            self, parameters.input, self._pipeline.receive, self._image_group, parameters.queue.waiting_images
        )
        self.get_logger().info(f'ready; waiting for images on {self._images.topic}')

    def deactivate(self) -> None:
        """Take no more images and end the work in hand; the objects are remembered.

        Raises:
            StateLost: It does not end.
        """
        if not self._end_work():
            raise StateLost('the image or request in work does not end; its thread is left behind')

    def cleanup(self) -> None:
        """Give model, topics and services back. What hangs is left behind."""
        self._end_work()
        for service in self._answering:
            self.destroy_service(service)
        self._answering, self._model = (), ModelSource()
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
            gc.unfreeze()
            _release_memory()

    def _end_work(self) -> bool:
        if self._images is not None:
            self._images.close()
            self._images = None
        has_ended = self._pipeline is None or self._pipeline.stop()
        # Python cannot end a thread that hangs in the network.
        self.has_hung_thread = self.has_hung_thread or not has_ended
        return has_ended

    def _offer_services(self, pipeline: TrackingPipeline) -> tuple[Service, ...]:
        prompts, objects = pipeline.service, pipeline.object_service
        offers: tuple[tuple[Any, str, Callable[[Any, Any], Any]], ...] = (
            (AddPrompts, 'add_prompts', prompts.add_prompts),
            (AddPrompts, 'segment_once', prompts.segment_once),
            (AddPoints, 'add_points', prompts.add_points),
            (AddBox, 'add_box', prompts.add_box),
            (RemoveObjects, 'remove_objects', objects.remove),
            (EditObject, 'edit_object', objects.edit),
            (GetObjects, 'get_objects', objects.list_all),
            (SaveSession, 'save_session', pipeline.session_service.save),
            (LoadSession, 'load_session', pipeline.session_service.load),
            (SetBool, 'set_paused', objects.set_paused),
            (SetBool, 'freeze_memory', objects.freeze_memory),
            (Trigger, 'reset', prompts.reset),
        )
        return tuple(
            self.create_service(kind, f'~/{name}', guarded_service(self, answer), callback_group=self._service_group)
            for kind, name, answer in offers
        )

    def _start_soon(self) -> None:
        """Start from the executor, so that the node answers while the model loads."""
        # By the steady clock: the node's own may stand still.
        steady, group = Clock(clock_type=ClockType.STEADY_TIME), MutuallyExclusiveCallbackGroup()
        self._start_timer = self.create_timer(0.0, self._start, group, steady)

    def _start(self) -> None:
        self._start_timer.cancel()
        if self.change_state('configure'):
            self.change_state('activate')
        else:
            name = self.get_fully_qualified_name()
            self.get_logger().info(f'correct it, then run `ros2 lifecycle set {name} configure` and `… activate`')

    def _parts(self) -> Parts:
        return Parts(self.state, self._pipeline, self._images, self._model)

    def _waits_for_clock(self) -> bool:
        return bool(self.get_parameter('use_sim_time').value) and not self.get_clock().now().nanoseconds

    def _is_configured(self) -> bool:
        return self.state is not NodeState.UNCONFIGURED

    def _refusal_of(self, parameters: Parameters) -> str:
        pipeline = self._pipeline
        return pipeline.refusal_of(parameters) if pipeline is not None else ''

    def _adjust(self, parameters: Parameters, changed: Sequence[str]) -> None:
        self._heartbeat.set_rate(parameters.status.rate)
        pipeline, images = self._pipeline, self._images
        if pipeline is not None:
            pipeline.adjust(parameters)
        if images is not None:
            images.want(parameters.input)
        values = values_of(parameters)
        text = ', '.join(f'{name} = {values[name]!r}' for name in changed)
        self.events.emit(EventCode.PARAMETERS_CHANGED, text)


def _release_memory() -> None:
    from sam2s_model import release_memory  # loads PyTorch, which a node that was never configured does without

    release_memory()


def main(args: list[str] | None = None) -> int:
    """`ros2 run sam2s_ros tracker_node`: run until SIGINT or SIGTERM; 1 when a parameter cannot be used."""
    # rclpy's own handlers make every publisher invalid at once, in the middle of the work in hand.
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        node = TrackerNode()
    except BadParameter as error:
        rclpy.logging.get_logger(NAME).fatal(f'refusing to start: {error}')
        rclpy.try_shutdown()
        return 1
    _spin_until(stop, node)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def _spin_until(stop: threading.Event, node: TrackerNode) -> None:
    executor = MultiThreadedExecutor(EXECUTOR_THREADS)
    executor.add_node(node)

    # Not in the main thread: Python handles signals only there, and not while it waits inside rclpy.
    with ThreadPoolExecutor(1, thread_name_prefix='executor') as thread:
        spinning = thread.submit(executor.spin)
        spinning.add_done_callback(lambda _: stop.set())
        stop.wait()
        has_failed = spinning.done()  # otherwise it is we who end it, in the middle of whatever it does
        if not node.change_state('shutdown', wait_s=END_WITHIN_S) or node.has_hung_thread:
            node.get_logger().error('the work in hand does not end in time; leaving it behind')
            os._exit(0)
        executor.shutdown(timeout_sec=0)
    if has_failed:
        spinning.result()


if __name__ == '__main__':
    sys.exit(main())
