"""Recordings of every kind, whole and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sam2s_ros.bag_io import BagReader, BagWriter, UnreadableBag, serialize
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, TRACK_ARRAY, compressed_image, header, message_types
from sam2s_ros.run_lengths import encode_mask

rosbag1 = pytest.importorskip('rosbags.rosbag1')
from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import Stores, get_typestore  # noqa: E402

HEIGHT, WIDTH, FIRST, PERIOD = 24, 32, 1_700_000_000_123_456_789, 40_000_000
RAW, JPEG, TRUTH = '/camera/image_raw', '/camera/image_raw/compressed', '/ground_truth/instances/compressed'
LABELS = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 4


def rgb_frame(index: int) -> np.ndarray:
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame[..., 0], frame[..., 2] = 200, 10 * index
    return frame


def raw_image(types: dict[str, Any], head: Any, rgb: np.ndarray) -> Any:
    return types[IMAGE](head, HEIGHT, WIDTH, 'rgb8', 0, WIDTH * 3, rgb.ravel())


def image_file(suffix: str, rgb: np.ndarray) -> bytes:
    return bytes(cv2.imencode(suffix, rgb[..., ::-1])[1])


def write_ros2(path: Path, plugin: StoragePlugin) -> Path:
    store = message_types()
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        raw = writer.add_connection(RAW, IMAGE, typestore=store)
        jpeg = writer.add_connection(JPEG, COMPRESSED_IMAGE, typestore=store)
        truth = writer.add_connection(TRUTH, COMPRESSED_IMAGE, typestore=store)
        for index in range(3):
            stamp, rgb = FIRST + index * PERIOD, rgb_frame(index)
            messages = [
                (raw, raw_image(store.types, header(stamp, 'camera'), rgb)),
                (jpeg, compressed_image(stamp, 'camera', 'jpeg', image_file('.jpg', rgb))),
                (truth, compressed_image(stamp, 'camera', 'png', bytes(cv2.imencode('.png', LABELS)[1]))),
            ]
            for connection, message in messages:
                writer.write(connection, stamp + 5, serialize(message))
    return path


def write_ros1(path: Path) -> Path:
    store = get_typestore(Stores.ROS1_NOETIC)
    time, head = store.types['builtin_interfaces/msg/Time'], store.types['std_msgs/msg/Header']
    with rosbag1.Writer(path) as writer:
        raw = writer.add_connection(RAW, IMAGE, typestore=store)
        jpeg = writer.add_connection(JPEG, COMPRESSED_IMAGE, typestore=store)
        for index in range(3):
            stamp, rgb = FIRST + index * PERIOD, rgb_frame(index)
            stamped = head(index, time(*divmod(stamp, 10**9)), 'camera')
            file = np.frombuffer(image_file('.jpg', rgb), np.uint8)
            compressed = store.types[COMPRESSED_IMAGE](stamped, 'jpeg', file)
            writer.write(raw, stamp + 5, store.serialize_ros1(raw_image(store.types, stamped, rgb), IMAGE))
            writer.write(jpeg, stamp + 5, store.serialize_ros1(compressed, COMPRESSED_IMAGE))
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    'mcap': lambda folder: write_ros2(folder / 'bag', StoragePlugin.MCAP),
    'sqlite3': lambda folder: write_ros2(folder / 'bag', StoragePlugin.SQLITE3),
    'ROS 1': lambda folder: write_ros1(folder / 'bag.bag'),
    'mcap file alone': lambda folder: next(write_ros2(folder / 'bag', StoragePlugin.MCAP).glob('*.mcap')),
    'db3 file alone': lambda folder: next(write_ros2(folder / 'bag', StoragePlugin.SQLITE3).glob('*.db3')),
}


@pytest.fixture(params=MAKERS, name='bag')
def any_bag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return MAKERS[request.param](tmp_path)


@pytest.fixture
def mcap(tmp_path: Path) -> Path:
    return MAKERS['mcap'](tmp_path)


def test_raw_images_come_out_with_stamps_and_colours(bag: Path) -> None:
    with BagReader(bag) as reader:
        images = list(reader.images(RAW))
    assert [image.stamp_ns for image in images] == [FIRST + index * PERIOD for index in range(3)]
    assert [image.recorded_ns for image in images] == [FIRST + index * PERIOD + 5 for index in range(3)]
    for index, image in enumerate(images):
        np.testing.assert_array_equal(image.rgb(), rgb_frame(index))


def test_compressed_images_come_out_with_colours(bag: Path) -> None:
    with BagReader(bag) as reader:
        images = list(reader.images(JPEG))
    for index, image in enumerate(images):
        np.testing.assert_allclose(image.rgb().astype(int), rgb_frame(index), atol=4)


@pytest.mark.parametrize('topic', [RAW, JPEG])
def test_serialized_images_read_back_as_ros_2_messages(bag: Path, topic: str) -> None:
    with BagReader(bag) as reader:
        kind = reader.types[topic]
        first = next(reader.serialized_images(topic))
    message = message_types().deserialize_cdr(first.cdr, kind)
    assert message.header.frame_id == 'camera'
    assert message.header.stamp.nanosec == 123_456_789
    assert first.stamp_ns == FIRST


def test_true_masks_are_read_with_their_exact_values(mcap: Path) -> None:
    with BagReader(mcap) as reader:
        np.testing.assert_array_equal(next(reader.images(TRUTH)).labels(), LABELS)


def test_true_masks_are_not_offered_for_tracking(bag: Path) -> None:
    with BagReader(bag) as reader:
        assert reader.image_topics == (RAW, JPEG)


def test_the_number_of_images_is_known_beforehand(bag: Path) -> None:
    with BagReader(bag) as reader:
        assert reader.count(RAW) == 3


def test_a_topic_that_is_not_there_is_answered_with_those_that_are(bag: Path) -> None:
    with BagReader(bag) as reader, pytest.raises(UnreadableBag, match=f'expected image topic /x, .*{RAW}, {JPEG}'):
        reader.image_topic('/x')


def test_of_several_image_topics_one_must_be_named(mcap: Path) -> None:
    with BagReader(mcap) as reader:
        with pytest.raises(UnreadableBag, match='name one of them'):
            reader.image_topic()
        assert reader.image_topic(JPEG) == JPEG


def test_the_only_image_topic_needs_no_name(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic(JPEG, COMPRESSED_IMAGE)
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.image_topic() == JPEG


@pytest.mark.parametrize(('recorded', 'asked'), [('/eye/compressed', '/eye'), ('/eye', '/eye/compressed')])
def test_a_topic_is_found_in_its_other_form(recorded: str, asked: str, tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic(recorded, COMPRESSED_IMAGE if recorded.endswith('compressed') else IMAGE)
        writer.add_topic('/another', IMAGE)
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.image_topic(asked) == recorded


def test_a_bag_without_images_says_so(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/tracks', TRACK_ARRAY)
    with BagReader(tmp_path / 'bag') as reader, pytest.raises(UnreadableBag, match='no image topic'):
        reader.image_topic()


def damage_half(bag: Path) -> None:
    data = bag.read_bytes()
    bag.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize('kind', ['mcap file alone', 'db3 file alone', 'ROS 1'])
def test_a_truncated_recording_is_unreadable_and_says_what_to_do(kind: str, tmp_path: Path) -> None:
    bag = MAKERS[kind](tmp_path)
    damage_half(bag)
    with pytest.raises(UnreadableBag, match='record again or repair'), BagReader(bag) as reader:
        list(reader.images(RAW))


@pytest.mark.parametrize('name', ['noise.mcap', 'noise.db3', 'noise.bag', 'noise.txt'])
def test_a_file_that_is_no_recording_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'this is no recording ' * 50)
    with pytest.raises(UnreadableBag, match=name):
        BagReader(tmp_path / name)


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBag):
        BagReader(tmp_path)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBag, match='nowhere, which is not there; check the path'):
        BagReader(tmp_path / 'nowhere')


def test_a_recording_is_never_overwritten(mcap: Path) -> None:
    with pytest.raises(FileExistsError, match='remove it or give another'):
        BagWriter(mcap)


def track_array(masks: dict[str, np.ndarray]) -> Any:
    types = message_types().types
    region, point, time = (
        types[name]
        for name in ('sensor_msgs/msg/RegionOfInterest', 'geometry_msgs/msg/Point32', 'builtin_interfaces/msg/Time')
    )
    tracks = []
    for slot, (object_id, mask) in enumerate(masks.items(), 1):
        runs = encode_mask(mask)
        roi = region(runs.x, runs.y, runs.height, runs.width, False)
        tracks.append(
            types['sam2s_msgs/msg/Track'](
                object_id,
                slot,
                0,
                '',
                0.0,
                1,
                0.9,
                1.0,
                int(mask.sum()),
                roi,
                runs.counts,
                point(0, 0, 0),
                [],
                0,
                time(0, 0),
                True,
                False,
                '',
            )
        )
    timing = types['sam2s_msgs/msg/Timing'](0, 0, 0, 0.04, 0, 0.05)
    return types[TRACK_ARRAY](header(FIRST, 'camera'), HEIGHT, WIDTH, 'session', 7, 2, tracks, timing, False)


def test_masks_survive_the_way_through_a_recording(tmp_path: Path) -> None:
    masks = {'grasper': LABELS == 1, 'hidden': np.zeros((HEIGHT, WIDTH), bool)}
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/tracks', TRACK_ARRAY)
        writer.write('/tracks', FIRST + 9, serialize(track_array(masks)))
    with BagReader(tmp_path / 'bag') as reader:
        (result,) = reader.tracks(reader.topic_of_type(TRACK_ARRAY))
    assert (result.stamp_ns, result.recorded_ns, result.frame_index, result.dropped) == (FIRST, FIRST + 9, 7, 2)
    assert result.masks.keys() == masks.keys()
    for object_id, mask in masks.items():
        np.testing.assert_array_equal(result.masks[object_id], mask)


def test_recordings_open_in_the_reader_of_mcap(mcap: Path) -> None:
    reader = pytest.importorskip('mcap.reader')
    with next(mcap.glob('*.mcap')).open('rb') as stream:
        topics = [channel.topic for _, channel, _ in reader.make_reader(stream).iter_messages()]
    assert sorted(topics) == sorted([RAW, JPEG, TRUTH] * 3)
