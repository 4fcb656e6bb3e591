"""Images and masks out of recordings, and messages into new ones, through the rosbags library. Needs no ROS.

Read are rosbag2 (mcap and sqlite3, a folder or its file) and ROS 1 (.bag); written is rosbag2 with mcap.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sam2s_ros import image_codec
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, as_ros2, message_types, stamp_ns
from sam2s_ros.run_lengths import MaskRuns, decode_mask

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

# Recordings of true masks live under this name; they are images, but not what anybody wants tracked.
GROUND_TRUTH = '/ground_truth/'
COMPRESSED = '/compressed'


class UnreadableBag(ValueError):
    """A recording that cannot be read, or that lacks what was asked of it.

    Attributes:
        expected, came, do: What was needed, what was there, and what to do about it.
    """

    def __init__(self, expected: str, came: str, do: str) -> None:
        super().__init__(f'expected {expected}, came {came}; {do}')
        self.expected, self.came, self.do = expected, came, do


@dataclass(frozen=True)
class RecordedImage:
    """One image of a recording.

    Attributes:
        stamp_ns: Stamp of its header, nanoseconds.
        recorded_ns: When it was recorded, nanoseconds; players keep the distances of these.
        message: sensor_msgs Image or CompressedImage of rosbags.
    """

    stamp_ns: int
    recorded_ns: int
    message: Any

    def rgb(self) -> NDArray[np.uint8]:
        """The image as (H, W, 3) uint8, red first. Raises BadImage."""
        return image_codec.decode(self.message)

    def labels(self) -> NDArray[np.uint8]:
        """The image as label values (H, W) uint8, for mono8 and grey PNG. Raises BadImage."""
        return np.ascontiguousarray(self.rgb()[..., 0])


@dataclass(frozen=True)
class SerializedImage:
    """One image of a recording as a ROS 2 middleware wants it: CDR bytes. Times as in `RecordedImage`."""

    stamp_ns: int
    recorded_ns: int
    cdr: bytes


@dataclass(frozen=True)
class RecordedTracks:
    """One result of the tracker out of a recording.

    Attributes:
        stamp_ns: Stamp of the image it belongs to, nanoseconds.
        recorded_ns: When it was recorded, nanoseconds.
        frame_index: Number of the processed image in its session.
        dropped: Images skipped just before it.
        masks: Object id to mask (H, W) bool.
        inference_s, total_s: Seconds in the network, and from arrival to result.
    """

    stamp_ns: int
    recorded_ns: int
    frame_index: int
    dropped: int
    masks: dict[str, NDArray[np.bool_]]
    inference_s: float
    total_s: float


class BagReader:
    """A recording, open for reading; use it in a `with` statement.

    Raises:
        UnreadableBag: On construction when the file is no recording, on reading when it is damaged or lacks the topic.
    """

    def __init__(self, path: Path) -> None:
        from rosbags.highlevel import AnyReader

        self.path = path
        if not path.exists():
            raise UnreadableBag(
                'a rosbag2 folder, .mcap, .db3 or .bag file', f'{path}, which is not there', 'check the path'
            )
        with self._explained():
            self._reader = AnyReader([path], default_typestore=message_types())
            self._reader.open()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    @property
    def types(self) -> dict[str, str]:
        """Topic to message type, such as sensor_msgs/msg/Image."""
        return {connection.topic: connection.msgtype for connection in self._reader.connections}

    @property
    def image_topics(self) -> tuple[str, ...]:
        """Topics with Image or CompressedImage messages, true masks left out, in alphabetical order."""
        images = {topic for topic, kind in self.types.items() if kind in (IMAGE, COMPRESSED_IMAGE)}
        return tuple(sorted(topic for topic in images if not topic.startswith(GROUND_TRUTH)))

    def image_topic(self, topic: str | None = None) -> str:
        """The topic asked for, or the only image topic.

        A topic that was recorded in the other form, raw or compressed, is found by either of its names.

        Raises:
            UnreadableBag: It is not there or no image topic, or None was given and there are several.
        """
        available = self.image_topics
        if topic is None and len(available) == 1:
            return available[0]
        for name in (topic, _other_form(topic)) if topic else ():
            if self.types.get(name) in (IMAGE, COMPRESSED_IMAGE):
                return name
        wanted = f'image topic {topic}' if topic else 'one image topic'
        came = f'image topics {", ".join(available)}' if available else 'no image topic'
        raise UnreadableBag(wanted, f'{came} in {self.path}', 'name one of them' if available else 'give another bag')

    def count(self, topic: str) -> int:
        """Number of messages on a topic."""
        return sum(connection.msgcount for connection in self._connections(topic))

    def images(self, topic: str) -> Iterator[RecordedImage]:
        """All images of a topic in the order of recording."""
        for recorded_ns, message, _ in self._messages(topic):
            yield RecordedImage(stamp_ns(message), recorded_ns, message)

    def serialized_images(self, topic: str) -> Iterator[SerializedImage]:
        """All images of a topic, ready to be published; those of ROS 1 are converted."""
        for recorded_ns, message, data in self._messages(topic):
            cdr = data if self._reader.is2 else serialize(as_ros2(message))
            yield SerializedImage(stamp_ns(message), recorded_ns, bytes(cdr))

    def tracks(self, topic: str) -> Iterator[RecordedTracks]:
        """All results of the tracker on a topic of type sam2s_msgs/TrackArray."""
        for recorded_ns, message, _ in self._messages(topic):
            yield _recorded_tracks(recorded_ns, message)

    def topic_of_type(self, kind: str) -> str:
        """The first topic with this message type.

        Raises:
            UnreadableBag: There is none.
        """
        for topic, present in sorted(self.types.items()):
            if present == kind:
                return topic
        raise UnreadableBag(f'a topic of type {kind}', f'topics {", ".join(sorted(self.types))}', 'give another bag')

    def _messages(self, topic: str) -> Iterator[tuple[int, Any, bytes]]:
        connections = self._connections(topic)
        with self._explained():
            for connection, recorded_ns, data in self._reader.messages(connections):
                yield recorded_ns, self._reader.deserialize(data, connection.msgtype), data

    def _connections(self, topic: str) -> list[Connection]:
        found = [connection for connection in self._reader.connections if connection.topic == topic]
        if found:
            return found
        images = ', '.join(self.image_topics) or 'none'
        raise UnreadableBag(f'topic {topic}', f'a bag with the image topics {images}', 'name one of them')

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnreadableBag:
            raise
        except Exception as error:  # a damaged file makes the parsers below raise anything, from struct to sqlite3
            reason = f'{type(error).__name__}: {error}'
            raise UnreadableBag(f'a whole recording in {self.path}', reason, 'record again or repair it') from error


class BagWriter:
    """A new rosbag2 recording with mcap storage; use it in a `with` statement.

    Raises:
        FileExistsError: Something is at the path already.
    """

    def __init__(self, path: Path) -> None:
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.rosbag2.enums import CompressionFormat, CompressionMode

        if path.exists():
            raise FileExistsError(f'expected a new path for a recording, {path} exists; remove it or give another')
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        # Inside the mcap file: label images shrink a hundredfold, and every reader of mcap undoes it by itself.
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add_topic(self, topic: str, kind: str) -> None:
        """Announce a topic and its message type; needed once before messages are written to it."""
        self._connections[topic] = self._writer.add_connection(topic, kind, typestore=message_types())

    def write(self, topic: str, recorded_ns: int, cdr: bytes) -> None:
        """Write one serialized message."""
        self._writer.write(self._connections[topic], recorded_ns, cdr)


def serialize(message: Any) -> bytes:
    """A rosbags message as CDR bytes."""
    return bytes(message_types().serialize_cdr(message, message.__msgtype__))


def _other_form(topic: str) -> str:
    """The name by which image_transport offers the same images, compressed or raw."""
    return topic.removesuffix(COMPRESSED) if topic.endswith(COMPRESSED) else f'{topic}{COMPRESSED}'


def _recorded_tracks(recorded_ns: int, message: Any) -> RecordedTracks:
    return RecordedTracks(
        stamp_ns=stamp_ns(message),
        recorded_ns=recorded_ns,
        frame_index=int(message.frame_index),
        dropped=int(message.dropped),
        masks={track.object_id: _mask(track, message.height, message.width) for track in message.tracks},
        inference_s=float(message.timing.inference),
        total_s=float(message.timing.total),
    )


def _mask(track: Any, height: int, width: int) -> NDArray[np.bool_]:
    box = track.roi
    runs = MaskRuns(box.x_offset, box.y_offset, box.width, box.height, np.asarray(track.counts, np.uint32))
    return decode_mask(runs, height, width)
