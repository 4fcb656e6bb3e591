"""The way of an image through the node: buffer, worker, session, publishers. Importing this loads PyTorch."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node

from sam2s_model import DeviceLost, Frame, held_memory, use_threads, used_threads
from sam2s_ros.class_table import ClassTable, load_class_table
from sam2s_ros.conversions import NANOSECONDS, stamp_ns
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.free_cores import FreeCores
from sam2s_ros.health import ObjectCounts, WorkHealth
from sam2s_ros.image_codec import cropped, decode
from sam2s_ros.image_ledger import DropReason, ImageLedger
from sam2s_ros.image_message import BadImage
from sam2s_ros.inference_worker import InferenceWorker, Work
from sam2s_ros.latency import LatencyWindow, stage_seconds
from sam2s_ros.loaded_model import LoadedModel
from sam2s_ros.mouse_clicks import MouseClicks
from sam2s_ros.object_service import ObjectService
from sam2s_ros.parameters import Parameters, TrackingParameters, values_of
from sam2s_ros.prompt_service import PromptService
from sam2s_ros.read_ahead import ReadAhead
from sam2s_ros.result_publisher import ResultPublisher
from sam2s_ros.session_file import session_path
from sam2s_ros.session_keeper import SessionKeeper
from sam2s_ros.session_service import SessionService, output_folder, own_name
from sam2s_ros.stamp_gate import StampGate
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracked_image import TrackedImage
from sam2s_ros.tracking_session import StreamTracker, TrackingSession
from sam2s_ros.watchdog import Pulse

STOP_TIMEOUT_S = 4.0
MEGABYTE = 1_000_000
MIXED_AFTER_S = 60.0  # a second camera on the topic is told of so often
REPEAT_AFTER_S = 5.0  # a stream of bad images is told of so often


class TrackingPipeline:
    """Everything between the image subscription and the output topics.

    Args:
        node: Owner of the publishers; gives clock and log.
        parameters: As declared.
        model: What tracks; `load_model` makes the real one.
        labels: The file with the numbers of the classes.
        events: Told of what happens.

    Raises:
        BadLabelsFile, FileNotFoundError: The labels file cannot be used.
    """

    def __init__(self, node: Node, parameters: Parameters, model: LoadedModel, labels: Path, events: EventLog) -> None:
        self._node = node
        self._events = events
        self._input, self._time, self._overlay = parameters.input, parameters.time, parameters.overlay
        self._buffer = FrameBuffer(parameters.input.buffer_frames, parameters.input.buffer_megabytes * MEGABYTE)
        self._prepare = model.prepare
        self._look_ahead = model.look_ahead if parameters.queue.look_ahead else None
        self._ahead = ReadAhead(self._read, self._read_ahead)
        classes = load_class_table(labels)
        self._session = _session(parameters, model.tracker, self._take, self._buffer, classes, events)
        self._publisher = ResultPublisher(node, classes, parameters.overlay, parameters.binary)
        self._ledger, self._latency = ImageLedger(), LatencyWindow()
        self._gate, self._epoch = StampGate(parameters.time.jump_threshold, events), 0
        self._frame_id: str | None = None
        # Whoever does not keep the handle hears of nothing.
        self._clock_jumps = node.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False),
            post_callback=lambda _: self._gate.expect_jump(),
        )
        self._objects = ObjectCounts()
        self._free_cores = None if parameters.model.threads else FreeCores(node.get_logger().info)
        self._fixed_threads = parameters.model.threads or used_threads()
        self.revivals = 0
        self._has_hung = self._is_device_lost = False
        self._model_degradations = model.degradations
        self._worker: InferenceWorker[ReceivedImage, TrackedImage] = InferenceWorker(
            track=self._track,
            deliver=self._deliver,
            on_failure=self._report,
            max_pending=parameters.services.max_pending,
            depth=parameters.queue.waiting_images,
            ledger=self._ledger,
            begin=self._begin,
        )
        self._is_paused = False
        self.service = PromptService(self._worker, self._session, parameters.services.max_wait, node.get_logger())
        self.object_service = ObjectService(self.service.ask, self._session, self.pause)
        folder, name = output_folder(parameters.output), own_name(node.get_fully_qualified_name())
        path = session_path(folder, name) if parameters.output.autosave else None
        topic = node.resolve_topic_name('image')
        self._keeper = SessionKeeper(path, lambda: self._session.snapshot, topic, values_of(parameters), events)
        self.session_service = SessionService(
            folder, name, self._keeper, self._session, self.service.ask, self._prepare, events
        )
        self._clicks = MouseClicks(
            node, self._worker.submit, self._session, lambda: self._overlay.max_side, lambda: self._overlay.clicks
        )
        self._resume_within_s = parameters.output.resume_within if parameters.output.autosave else 0.0

    @property
    def image_age_s(self) -> float | None:
        """Seconds of the steady clock since the last image arrived; None while none has since `start`."""
        return self._ledger.image_age_s

    @property
    def input_rate(self) -> float:
        """Images that arrive in a second."""
        return self._ledger.input_rate

    @property
    def pulse(self) -> Pulse:
        """What the watchdog feels."""
        activity = self._worker.activity
        busy_s = activity.busy_s
        is_publishing = activity.work is Work.DELIVERY
        return Pulse(
            busy_s=0.0 if is_publishing else busy_s,
            work=activity.work.value,
            publishing_s=max(busy_s if is_publishing else 0.0, self._publisher.busy_s),
            is_dead=self._worker.has_died,
            is_device_lost=self._is_device_lost,
            has_tracked=self._ledger.counts.tracked > 0,
        )

    @property
    def health(self) -> WorkHealth:
        """How the tracking goes."""
        median, p95, p99 = self._latency.percentiles(50, 95, 99)
        return WorkHealth(
            session_id=self._session.session_id,
            is_paused=self._is_paused,
            counts=self._ledger.counts,
            rate=self._ledger.processed_rate,
            waiting=self._worker.waiting_images,
            median=median,
            p95=p95,
            p99=p99,
            busy_s=self._worker.activity.busy_s,
            requests_waiting=self._worker.waiting_commands,
            requests_refused=self._worker.refused_commands,
            objects=self._objects,
            degradations=(
                *self._model_degradations,
                *self._session.degradations,
                *self._keeper.problems,
            ),
            device_memory=held_memory(),
        )

    def start(self) -> None:
        self._ledger.expect_images()
        self._worker.start()
        restore = None if self._session.object_count else self.session_service.cut_off(self._resume_within_s)
        if restore is not None:
            self._worker.submit(restore)
        self._keeper.start()

    def revive(self) -> None:
        """Begin again after the tracking thread has died."""
        self.revivals += 1
        self._worker.start()

    def stop(self) -> bool:
        """End the work; whether it ended in time. What hung once is not waited for again."""
        has_ended = self._worker.stop(0.0 if self._has_hung else STOP_TIMEOUT_S)
        self._has_hung = not has_ended
        return has_ended

    def close(self) -> None:
        """Give the topics back."""
        self._clock_jumps.unregister()
        self._keeper.close()
        self._clicks.close()
        self._ahead.close()
        self._publisher.close()

    def adjust(self, parameters: Parameters) -> None:
        """Take over what changed among the live parameters."""
        tracking, services = parameters.tracking, parameters.services
        self._input, self._time, self._overlay = parameters.input, parameters.time, parameters.overlay
        self._gate.threshold_s = parameters.time.jump_threshold
        self._session.adjust(
            _limits(tracking), tracking.max_objects, tracking.auto_freeze, parameters.input.on_new_aspect == 'refuse'
        )
        self._worker.max_pending = services.max_pending
        self.service.max_wait_s = services.max_wait
        self._publisher.draw_as(parameters.overlay, parameters.binary)

    def refusal_of(self, parameters: Parameters) -> str:
        """Why these parameters cannot be taken over now; empty when they can."""
        tracked, most = self._session.object_count, parameters.tracking.max_objects
        if most < tracked:
            return f'tracking.max_objects: {tracked} objects are tracked, came {most}; remove some first'
        return ''

    def pause(self, is_paused: bool, why: str = 'by request') -> None:
        """Drop and count all images from now on, or track them again; what is tracked is remembered meanwhile."""
        if is_paused != self._is_paused:
            code = EventCode.TRACKING_PAUSED if is_paused else EventCode.TRACKING_RESUMED
            self._events.emit(code, f'{why}: images are not tracked' if is_paused else 'images are tracked again')
        self._is_paused = is_paused

    def receive(self, message: Any) -> None:
        """Take an Image or CompressedImage; returns at once, the worker decodes and tracks."""
        stamp, now_ns = stamp_ns(message.header.stamp), self._node.get_clock().now().nanoseconds
        age_s = (now_ns - stamp) / NANOSECONDS if now_ns else 0.0  # simulated time has not begun
        image = ReceivedImage(message, stamp, time.monotonic_ns(), age_s)
        self._ledger.receive()
        reason = self._why_not(message) or self._follow_time(image)
        if reason:
            self._ledger.drop(reason)
            return
        image = replace(image, epoch=self._epoch)
        self._buffer.add(image)
        self._worker.offer(image)

    def _why_not(self, message: Any) -> DropReason | None:
        if self._is_paused:
            return DropReason.PAUSED
        frame_id = message.header.frame_id
        if self._frame_id is None:
            self._frame_id = frame_id
        if frame_id == self._frame_id:
            return None
        text = f'images of {frame_id!r} come among those of {self._frame_id!r}: two cameras on one topic?'
        self._events.emit(EventCode.SOURCES_MIXED, text, at_most_every_s=MIXED_AFTER_S)
        return DropReason.OTHER_SOURCE if self._input.one_source else None

    def _follow_time(self, image: ReceivedImage) -> DropReason | None:
        verdict = self._gate.judge(image)
        if not verdict.went_back:
            return verdict.drop
        policy = self._time.on_jump
        if policy == 'pause':
            self.pause(True, 'time went back')
            return DropReason.PAUSED
        if policy == 'reset' or (policy == 'auto' and self._node.get_parameter('use_sim_time').value):
            self._epoch += 1
        return None

    @property
    def _threads(self) -> int:
        """What the network may compute with."""
        return self._free_cores.threads if self._free_cores else self._fixed_threads

    def _begin(self, image: ReceivedImage) -> bool:
        """Read the next image while another one is tracked; whether so much of its work is done that it stays next."""
        self._ahead.offer(image)
        return self._look_ahead is not None and self._threads > 1

    def _take(self, image: ReceivedImage) -> Frame:
        """The frame of an image that is to be tracked now. One thread is left to the image after it."""
        frame = self._ahead.take(image)
        self._worker.begin_next()
        threads = self._threads - (frame.ahead is not None)
        if threads != used_threads():
            use_threads(threads)
        return frame

    def _read_ahead(self, image: ReceivedImage) -> Frame:
        if self._look_ahead is None or self._threads < 2:
            return self._read(image)
        if used_threads() != 1:
            use_threads(1)
        return self._look_ahead(self._decode(image))

    def _read(self, image: ReceivedImage) -> Frame:
        return self._prepare(self._decode(image))

    def _decode(self, image: ReceivedImage) -> Frame:
        rgb = cropped(decode(image.message, max_side=self._input.max_side), self._input.crop)
        return Frame(rgb, image.stamp_ns)

    def _track(self, image: ReceivedImage) -> TrackedImage:
        if self._free_cores:
            self._free_cores.follow()
        return self._session.track(image)

    def _deliver(self, tracked: TrackedImage, dropped: int) -> None:
        self._publisher.publish(tracked, dropped)
        self._latency.add(stage_seconds(tracked.times, tracked.image.age_s, time.monotonic_ns()))
        self._objects = ObjectCounts(
            tracked=len(tracked.objects),
            actionable=sum(found.is_actionable for found in tracked.objects),
            to_reprompt=sum(found.judgement.needs_reprompt for found in tracked.objects),
        )

    def _report(self, error: Exception) -> DropReason:
        if isinstance(error, BadImage):
            self._events.emit(EventCode.IMAGE_REFUSED, f'image skipped: {error}', at_most_every_s=REPEAT_AFTER_S)
            return DropReason.UNREADABLE
        reason = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
        self._node.get_logger().error(f'image not tracked:\n{reason}', throttle_duration_sec=REPEAT_AFTER_S)
        self._is_device_lost = self._is_device_lost or isinstance(error, DeviceLost)
        text = ' '.join(f'image not tracked: {type(error).__name__}: {error}'.split())
        self._events.emit(_code_of(error), text, at_most_every_s=REPEAT_AFTER_S)
        return DropReason.FAILED


def _session(
    parameters: Parameters,
    tracker: StreamTracker,
    read: Callable[[ReceivedImage], Frame],
    buffer: FrameBuffer,
    classes: ClassTable,
    events: EventLog,
) -> TrackingSession:
    tracking = parameters.tracking
    return TrackingSession(
        tracker=tracker,
        read=read,
        buffer=buffer,
        classes=classes,
        limits=_limits(tracking),
        max_objects=tracking.max_objects,
        auto_freeze=tracking.auto_freeze,
        events=events,
        catch_up_frames=tracking.catch_up_frames,
        refuse_new_aspect=parameters.input.on_new_aspect == 'refuse',
    )


def _code_of(error: Exception) -> EventCode:
    if isinstance(error, DeviceLost):
        return EventCode.DEVICE_LOST
    return EventCode.OUT_OF_MEMORY if isinstance(error, MemoryError) else EventCode.TRACKING_FAILED


def _limits(tracking: TrackingParameters) -> StateLimits:
    return StateLimits(tracking.uncertain_score, tracking.confirm_after, tracking.lost_after)
