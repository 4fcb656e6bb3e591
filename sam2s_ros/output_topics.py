"""The topics that are computed only while someone listens, and what is published on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from sam2s_ros.camera_info_relay import CameraInfoRelay
from sam2s_ros.conversions import image_message, jpeg_message
from sam2s_ros.output_images import OutputImages


def reliable(depth: int) -> QoSProfile:
    """A reliable publisher matches every subscriber, a best-effort one only best-effort subscribers."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


def latched() -> QoSProfile:
    """Whoever comes later gets the last message all the same."""
    qos = reliable(depth=1)
    qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return qos


@dataclass(frozen=True)
class Output:
    """One topic.

    Attributes:
        topic: Its name.
        kind: Type of its messages.
        message: Makes one from a result; None where there is nothing to publish.
        depth: Messages that wait for a slow listener.
    """

    topic: str
    kind: type
    message: Callable[[OutputImages], Any | None]
    depth: int = 1


def lazy_outputs(camera: CameraInfoRelay) -> tuple[Output, ...]:
    """All of them; those of vision_msgs only where it is installed."""
    calibrations = [
        Output(f'~/{mask}/camera_info', CameraInfo, lambda images: camera.of(images.header))
        for mask in ('instances', 'semantic', 'binary')
    ]
    return (
        Output('~/instances/mask', Image, lambda images: image_message(images.header, images.instances, 'mono8')),
        Output('~/semantic/mask', Image, lambda images: image_message(images.header, images.semantic, 'mono8')),
        Output('~/semantic/confidence', Image, lambda images: image_message(images.header, images.confidence, 'mono8')),
        Output('~/binary/mask', Image, lambda images: image_message(images.header, images.binary, 'mono8')),
        Output('~/overlay', Image, lambda images: image_message(images.header, images.overlay, 'rgb8')),
        Output('~/overlay/compressed', CompressedImage, _jpeg),
        *calibrations,
        *_vision_outputs(),
    )


def has_vision_msgs() -> bool:
    return find_spec('vision_msgs') is not None


def _jpeg(images: OutputImages) -> CompressedImage:
    return jpeg_message(images.header, images.overlay, images.overlay_look.jpeg_quality)


def _vision_outputs() -> tuple[Output, ...]:
    if not has_vision_msgs():
        return ()
    from vision_msgs.msg import Detection2DArray

    from sam2s_ros.vision_messages import detections

    return (Output('~/detections', Detection2DArray, lambda images: detections(images.tracked), depth=5),)
