"""The way of an image through the node: buffer, worker, session, publishers. Importing this loads PyTorch."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from rclpy.node import Node

from sam2s_model import build_tracker
from sam2s_ros.class_table import load_class_table
from sam2s_ros.conversions import NANOSECONDS, stamp_ns
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.image_codec import decode
from sam2s_ros.image_message import BadImage
from sam2s_ros.inference_worker import ImageCounts, InferenceWorker
from sam2s_ros.parameters import ModelParameters, Parameters
from sam2s_ros.prompt_service import PromptService
from sam2s_ros.result_publisher import ResultPublisher
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracked_image import TrackedImage
from sam2s_ros.tracking_session import StreamTracker, TrackingSession

STOP_TIMEOUT_S = 4.0
MEGABYTE = 1_000_000


class TrackingPipeline:
    """Everything between the image subscription and the output topics.

    Args:
        node: Owner of the publishers; gives clock and log.
        parameters: As declared.
        tracker: What tracks; `load_tracker` makes the real one.
        labels: The file with the numbers of the classes.

    Raises:
        BadLabelsFile, FileNotFoundError: The labels file cannot be used.
    """

    def __init__(self, node: Node, parameters: Parameters, tracker: StreamTracker, labels: Path) -> None:
        self._node = node
        limits, tracking = parameters.input, parameters.tracking
        self._buffer = FrameBuffer(limits.buffer_frames, limits.buffer_megabytes * MEGABYTE)
        session = TrackingSession(
            tracker=tracker,
            decode=partial(decode, max_side=limits.max_side),
            buffer=self._buffer,
            classes=load_class_table(labels),
            limits=StateLimits(tracking.uncertain_score, tracking.confirm_after, tracking.lost_after),
            max_objects=tracking.max_objects,
            auto_freeze=tracking.auto_freeze,
            catch_up_frames=tracking.catch_up_frames,
        )
        self._publisher = ResultPublisher(node, parameters.overlay)
        self._worker: InferenceWorker[ReceivedImage, TrackedImage] = InferenceWorker(
            session.track, self._publisher.publish, self._report, parameters.services.max_pending
        )
        self.service = PromptService(self._worker, session, parameters.services.max_wait, node.get_logger())

    @property
    def counts(self) -> ImageCounts:
        """What became of the images."""
        return self._worker.counts

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> bool:
        """End the work; whether it ended in time."""
        return self._worker.stop(STOP_TIMEOUT_S)

    def close(self) -> None:
        self._publisher.close()

    def receive(self, message: Any) -> None:
        """Take an Image or CompressedImage; returns at once, the worker decodes and tracks."""
        stamp = stamp_ns(message.header.stamp)
        age_s = (self._node.get_clock().now().nanoseconds - stamp) / NANOSECONDS
        image = ReceivedImage(message, stamp, time.monotonic_ns(), age_s)
        self._buffer.add(image)
        self._worker.offer(image)

    def _report(self, error: Exception) -> None:
        if isinstance(error, BadImage):
            self._node.get_logger().warning(f'image skipped: {error}', throttle_duration_sec=5.0)
            return
        reason = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
        self._node.get_logger().error(f'image not tracked:\n{reason}', throttle_duration_sec=5.0)


def load_tracker(model: ModelParameters) -> StreamTracker:
    """Build the tracker that the parameters ask for.

    It is built in a thread that then ends. OpenMP gives every thread that computes a team of its own; as soon as there
    are more threads in teams than cores, all sleep between any two operations, and tracking takes twice as long.

    Raises:
        FileNotFoundError, CheckpointMismatch, ValueError: See `sam2s_model.build_tracker`.
    """
    cv2.setNumThreads(1)  # OpenCV's own threads would wait for work on the cores that the network needs
    with ThreadPoolExecutor(1, thread_name_prefix='loading') as thread:
        return thread.submit(
            build_tracker,
            size=model.size,
            checkpoint=model.checkpoint or None,
            device=model.device,
            precision=model.precision,
            tf32=model.tf32,
            image_size=model.image_size or None,
            threads=model.threads or None,
            instruments=model.instruments or None,
        ).result()
