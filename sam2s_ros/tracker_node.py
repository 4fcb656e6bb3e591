"""The tracker as a ROS node: images in, masks out, prompts by service.

`configure`, `activate`, `deactivate` and `cleanup` are the transitions of a lifecycle node; `main` runs them through.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from sam2s_msgs.srv import AddPrompts
from sam2s_ros.image_subscription import ImageSubscription
from sam2s_ros.package_share import default_labels_file
from sam2s_ros.parameters import Parameters, declare_parameters

if TYPE_CHECKING:
    from sam2s_ros.tracking_pipeline import TrackingPipeline

# One for images, one for a service that waits, one for parameter services, one to spare.
EXECUTOR_THREADS = 4


class TrackerNode(Node):
    """ROS interface of the tracker. Its callbacks return at once or wait for the worker with a limit."""

    def __init__(self) -> None:
        super().__init__('sam2s_tracker')
        self._settings: Parameters | None = None
        self._pipeline: TrackingPipeline | None = None
        self._images: ImageSubscription | None = None
        self._image_group = MutuallyExclusiveCallbackGroup()
        self._service_group = MutuallyExclusiveCallbackGroup()

    def configure(self) -> None:
        """Read the parameters, load the model, offer topics and services.

        Raises:
            ValueError, OSError: A parameter, the checkpoint or the labels file cannot be used; the message says why.
        """
        # Loads PyTorch, which takes seconds: only now, when signals are handled already.
        from sam2s_ros.tracking_pipeline import TrackingPipeline, load_tracker

        parameters = declare_parameters(self)
        labels = Path(parameters.labels.file) if parameters.labels.file else default_labels_file()
        pipeline = TrackingPipeline(self, parameters, load_tracker(parameters.model), labels)
        self._settings, self._pipeline = parameters, pipeline
        service = pipeline.service
        self._answering = (
            self.create_service(AddPrompts, '~/add_prompts', service.add_prompts, callback_group=self._service_group),
            self.create_service(Trigger, '~/reset', service.reset, callback_group=self._service_group),
        )

    def activate(self) -> None:
        """Begin to take images."""
        assert self._pipeline is not None and self._settings is not None
        self._pipeline.start()
        self._images = ImageSubscription(self, self._settings.input, self._pipeline.receive, self._image_group)
        self.get_logger().info(f'ready; waiting for images on {self._images.topic}')

    def deactivate(self) -> bool:
        """Take no more images and end the work in hand; whether that ended in time."""
        if self._images is not None:
            self._images.close()
            self._images = None
        return self._pipeline is None or self._pipeline.stop()

    def cleanup(self) -> None:
        """Give model, topics and services back."""
        if self._pipeline is None:
            return
        for service in self._answering:
            self.destroy_service(service)
        self._pipeline.close()
        self._pipeline = None


def main(args: list[str] | None = None) -> int:
    """`ros2 run sam2s_ros tracker_node`: run until SIGINT or SIGTERM; 1 when the node refuses to start."""
    # rclpy's own handlers make every publisher invalid at once, in the middle of the work in hand.
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    node = TrackerNode()
    try:
        node.configure()
    except (ValueError, OSError) as error:
        node.get_logger().fatal(f'refusing to start: {error}')
        _shut_down(node)
        return 1
    if not stop.is_set():
        node.activate()
        _spin_until(stop, node)
    return _shut_down(node)


def _spin_until(stop: threading.Event, node: TrackerNode) -> None:
    executor = MultiThreadedExecutor(EXECUTOR_THREADS)
    executor.add_node(node)

    # Not in the main thread: Python handles signals only there, and not while it waits inside rclpy.
    with ThreadPoolExecutor(1, thread_name_prefix='executor') as thread:
        spinning = thread.submit(executor.spin)
        spinning.add_done_callback(lambda _: stop.set())
        stop.wait()
        executor.shutdown(timeout_sec=0)
    spinning.result()


def _shut_down(node: TrackerNode) -> int:
    if not node.deactivate():
        # Python cannot end a thread that hangs in the network; waiting for it would never end.
        node.get_logger().error('the tracker did not stop in time; leaving it behind')
        os._exit(0)
    node.cleanup()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
