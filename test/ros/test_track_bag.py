"""Recordings tracked offline: what is written, that it is the same every time, and how a run goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
import av
from pycocotools.coco import COCO
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from saved_blobs import BlobLoader, saving

from sam2s_model import BoxPrompt
from sam2s_ros.bag_io import BagReader, serialize
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, header, message_types
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC, stamp_of
from sam2s_ros.offline import bag_tracking
from sam2s_ros.offline.bag_tracking import Outcome, TrackingJob, track_recording
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.parameters import parameters_from
from sam2s_ros.prompt_script import (
    PromptScript,
    ScriptedPrompt,
    ScriptedRemoval,
    ScriptEntry,
    read_prompt_script,
    write_prompt_script,
)

FRAMES = 25
PARAMETERS = parameters_from({'tracking.auto_freeze': False})
LEFT, RIGHT = BoxPrompt((12, 7, 28, 23)), BoxPrompt((40, 35, 60, 55))  # the discs of blob_frames on image 0


class Interrupted(Exception):
    """The run was stopped."""


@pytest.fixture(autouse=True)
def save_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bag_tracking, 'SAVE_EVERY', 5)


@pytest.fixture
def loader(blob_tracker: Any) -> BlobLoader:
    return BlobLoader(saving(type(blob_tracker)))


@pytest.fixture
def run(blob_bag: Path, loader: BlobLoader, tmp_path: Path) -> Callable[..., Outcome]:
    """Track a bag of two discs into a folder of tmp_path; `stop` interrupts after so many images."""

    def track(
        name: str = 'out',
        entries: tuple[ScriptEntry, ...] | None = None,
        stop: int = 0,
        bag: Path = blob_bag,
        topics: tuple[str, ...] = (IMAGE_TOPIC,),
        keeps_images: bool = False,
    ) -> Outcome:
        script = blob_bag / 'prompts.yaml'
        if entries is not None:
            script = tmp_path / 'changed.yaml'
            write_prompt_script(replace(read_prompt_script(blob_bag / 'prompts.yaml'), entries=entries), script)

        def watch(done: int, total: int) -> None:
            if done == stop:
                raise Interrupted

        job = TrackingJob(Recording(bag, script, tmp_path / name), topics, PARAMETERS, keeps_images)
        return track_recording(job, watch, loader)

    return track


def prompt(object_id: str, index: int, drawn: BoxPrompt, **more: Any) -> ScriptedPrompt:
    return ScriptedPrompt(stamp_of(index, 25), object_id, 'disc', drawn, **more)


def messages(out: Path, name: str = 'tracks') -> list[Any]:
    topic = f'/sam2s_tracker/{name}'
    with BagReader(out / 'recording') as bag:
        return [message for _, message, _ in bag._messages(topic)]


def ids(out: Path) -> list[list[str]]:
    return [[track.object_id for track in message.tracks] for message in messages(out)]


def contents(out: Path) -> dict[str, object]:
    """Everything that two runs must have in common, to the last byte."""
    names = ('masks.json', 'objects.csv', 'report.html', 'report.json', 'provenance.json', 'prompts.yaml')
    return {name: (out / name).read_bytes() for name in names} | {'recording': recorded(out)}


def recorded(out: Path) -> list[tuple[str, int, bytes]]:
    """Topic, time and content of all messages; as Fast CDR writes them, the bytes between fields are left to chance."""
    with BagReader(out / 'recording') as bag:
        return [
            (connection.topic, at, serialize(bag._reader.deserialize(data, connection.msgtype)))
            for connection, at, data in bag._reader.messages()
        ]


def test_two_runs_leave_the_same_results_behind(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run('first')
    run('second')
    assert contents(tmp_path / 'first') == contents(tmp_path / 'second')


@pytest.mark.parametrize('stop', [3, 12, 20, 24])
def test_an_interrupted_run_goes_on_and_ends_like_any_other(
    run: Callable[..., Outcome], loader: BlobLoader, tmp_path: Path, stop: int
) -> None:
    run('whole')
    with pytest.raises(Interrupted):
        run('halved', stop=stop)
    assert not (tmp_path / 'halved' / 'provenance.json').exists()
    run('halved')
    assert contents(tmp_path / 'halved') == contents(tmp_path / 'whole')
    assert loader.trackers[-1].steps == FRAMES - stop // 5 * 5
    assert not (tmp_path / 'halved' / '.parts').exists()


def test_a_run_may_be_interrupted_more_than_once(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run('whole')
    for stop in (7, 13, 24):
        with pytest.raises(Interrupted):
            run('often', stop=stop)
    run('often')
    assert contents(tmp_path / 'often') == contents(tmp_path / 'whole')


@pytest.mark.parametrize('damaged', ['calls_1.jsonl', 'state_1.safetensors'])
def test_a_damaged_journal_is_thrown_away(
    run: Callable[..., Outcome], loader: BlobLoader, tmp_path: Path, damaged: str
) -> None:
    run('whole')
    with pytest.raises(Interrupted):
        run('halved', stop=12)
    (found,) = (tmp_path / 'halved').rglob(damaged)
    found.write_text('{"asked"')
    run('halved')
    assert contents(tmp_path / 'halved') == contents(tmp_path / 'whole')
    assert loader.trackers[-1].steps == FRAMES


def test_what_is_done_is_not_done_again(run: Callable[..., Outcome], loader: BlobLoader) -> None:
    run()
    assert run().was_done
    assert loader.trackers[-1].steps == 0


def test_other_prompts_make_another_run(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    assert not run(entries=(prompt('left', 0, LEFT),)).was_done
    assert ids(tmp_path / 'out')[-1] == ['left']


def test_prompts_are_played_on_the_images_of_their_stamps(run: Callable[..., Outcome], tmp_path: Path) -> None:
    entries = (
        prompt('a', 0, LEFT),
        prompt('b', 4, RIGHT),
        ScriptedRemoval(stamp_of(9, 25), 'a'),
        prompt('a', 15, RIGHT),
    )
    outcome = run(entries=entries)
    assert outcome.problems == ()
    expected = [['a']] * 4 + [['a', 'b']] * 6 + [['b']] * 5 + [['b', 'a']] * 10
    assert ids(tmp_path / 'out') == expected


def test_a_replacement_forgets_what_was_known(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run(entries=(prompt('a', 0, LEFT), prompt('a', 10, RIGHT, replaces=True)))
    areas = [message.tracks[0].area for message in messages(tmp_path / 'out')]
    assert areas[9] < areas[10] == areas[24]


def test_what_cannot_be_played_is_reported(run: Callable[..., Outcome], tmp_path: Path) -> None:
    nowhere = ScriptedPrompt(17, 'late', '', LEFT)
    entries = (prompt('a', 0, LEFT), prompt('far', 1, BoxPrompt((500, 500, 600, 600))), nowhere)
    outcome = run(entries=(*entries, ScriptedRemoval(stamp_of(2, 25), 'who')))
    far, who, late = outcome.problems
    assert 'far at' in far and 'OUT_OF_IMAGE' in far
    assert 'who at' in who and 'expected one of a to remove' in who
    assert 'late: no image has the stamp 17' in late
    assert 'no image has the stamp 17' in (tmp_path / 'out' / 'report.html').read_text()


def test_the_label_image_holds_the_slots(run: Callable[..., Outcome], blob_bag: Path, tmp_path: Path) -> None:
    run()
    slots = {track.object_id: track.slot for track in messages(tmp_path / 'out')[0].tracks}
    with BagReader(blob_bag) as bag, BagReader(tmp_path / 'out' / 'recording') as written:
        pairs = zip(bag.images(TRUTH_TOPIC), written.images('/sam2s_tracker/instances/mask'), strict=True)
        for truth, found in pairs:
            assert found.message.encoding == 'mono8'
            assert found.stamp_ns == truth.stamp_ns
            expected = np.array([0, slots['left'], slots['right']], np.uint8)[truth.labels()]
            np.testing.assert_array_equal(found.labels(), expected)


def test_tracks_carry_the_headers_of_their_images(run: Callable[..., Outcome], blob_bag: Path, tmp_path: Path) -> None:
    run()
    with BagReader(blob_bag) as bag:
        headers = [image.message.header for image in bag.images(IMAGE_TOPIC)]
    found = messages(tmp_path / 'out')
    assert [(m.header.stamp.sec, m.header.stamp.nanosec, m.header.frame_id) for m in found] == [
        (h.stamp.sec, h.stamp.nanosec, h.frame_id) for h in headers
    ]
    assert [m.frame_index for m in found] == list(range(FRAMES))


def test_the_output_opens_in_the_reader_of_mcap(run: Callable[..., Outcome], tmp_path: Path) -> None:
    from mcap.reader import make_reader

    run(keeps_images=True)
    with next((tmp_path / 'out' / 'recording').glob('*.mcap')).open('rb') as stream:
        topics = [channel.topic for _, channel, _ in make_reader(stream).iter_messages()]
    counts = {topic: topics.count(topic) for topic in topics}
    expected = {'/sam2s_tracker/tracks': FRAMES, '/sam2s_tracker/instances/mask': FRAMES, IMAGE_TOPIC: FRAMES}
    assert counts.items() >= (expected | {'/sam2s_tracker/provenance': 1}).items()


def test_images_are_kept_only_when_asked(run: Callable[..., Outcome], blob_bag: Path, tmp_path: Path) -> None:
    run()
    with BagReader(tmp_path / 'out' / 'recording') as written:
        assert IMAGE_TOPIC not in written.types
    assert not run(keeps_images=True).was_done
    with BagReader(blob_bag) as bag, BagReader(tmp_path / 'out' / 'recording') as written:
        pairs = zip(bag.serialized_images(IMAGE_TOPIC), written.serialized_images(IMAGE_TOPIC), strict=True)
        assert all(one.cdr == other.cdr for one, other in pairs)


def test_the_output_says_where_it_is_from(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    (told,) = messages(tmp_path / 'out', 'provenance')
    assert told.data == (tmp_path / 'out' / 'provenance.json').read_text()
    about = json.loads(told.data)
    assert about['checkpoint']['sha256'] == '0' * 64
    assert about['settings']['tracking.auto_freeze'] is False
    assert 'object_id: left' in about['prompts']
    assert about['versions'].keys() >= {'python', 'torch', 'numpy'}
    assert str(tmp_path) not in told.data


def test_pycocotools_reads_the_masks(run: Callable[..., Outcome], blob_bag: Path, tmp_path: Path) -> None:
    run()
    coco = COCO(str(tmp_path / 'out' / 'masks.json'))
    with BagReader(blob_bag) as bag:
        truths = {image.stamp_ns: image.labels() for image in bag.images(TRUTH_TOPIC)}
    assert [category['name'] for category in coco.cats.values()] == ['disc']
    assert len(coco.anns) == 2 * FRAMES
    for annotation in coco.anns.values():
        value = {'left': 1, 'right': 2}[annotation['object_id']]
        truth = truths[coco.imgs[annotation['image_id']]['stamp_ns']] == value
        np.testing.assert_array_equal(coco.annToMask(annotation), truth)
        assert annotation['area'] == truth.sum()


def test_the_table_has_a_row_for_each_object_on_each_image(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    with (tmp_path / 'out' / 'objects.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * FRAMES
    last = rows[-2]
    assert (last['object_id'], last['label'], last['state'], last['actionable']) == ('left', 'disc', 'TRACKED', '1')
    assert float(last['seconds']) == pytest.approx(24 / 25)
    assert (float(last['centroid_x']), float(last['centroid_y'])) == (20, 27)


def test_the_video_has_every_image(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    with av.open(str(tmp_path / 'out' / 'overlay.mp4')) as video:
        assert len(list(video.decode(video=0))) == FRAMES


def test_the_report_needs_nothing_beside_it(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert page.count('<svg') == 3
    assert 'data:image/jpeg;base64,' in page
    assert 'http' not in page and 'src="' in page and 'J&amp;F' in page


def test_exact_masks_score_one(run: Callable[..., Outcome], tmp_path: Path) -> None:
    run()
    (topic,) = json.loads((tmp_path / 'out' / 'report.json').read_text())['topics']
    assert (topic['images'], topic['jf']) == (FRAMES, 1.0)
    assert [row['jf'] for row in topic['objects']] == [1.0, 1.0]


def raw_frames(bag: Path) -> list[tuple[int, np.ndarray]]:
    with BagReader(bag) as reader:
        return [(image.stamp_ns, image.rgb()) for image in reader.images(IMAGE_TOPIC)]


def write_raw_sqlite3(path: Path, frames: list[tuple[int, np.ndarray]], topics: tuple[str, ...]) -> Path:
    store = message_types()
    with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connections = [writer.add_connection(topic, IMAGE, typestore=store) for topic in topics]
        for stamp, rgb in frames:
            height, width, _ = rgb.shape
            for connection in connections:
                head = header(stamp, 'camera')
                message = store.types[IMAGE](head, height, width, 'rgb8', 0, 3 * width, rgb.ravel())
                writer.write(connection, stamp, serialize(message))
    return path


def write_raw_ros1(path: Path, frames: list[tuple[int, np.ndarray]], topics: tuple[str, ...]) -> Path:
    store = get_typestore(Stores.ROS1_NOETIC)
    time, head = store.types['builtin_interfaces/msg/Time'], store.types['std_msgs/msg/Header']
    with Ros1Writer(path) as writer:
        connections = [writer.add_connection(topic, IMAGE, typestore=store) for topic in topics]
        for index, (stamp, rgb) in enumerate(frames):
            height, width, _ = rgb.shape
            stamped = head(index, time(*divmod(stamp, 10**9)), 'camera')
            message = store.types[IMAGE](stamped, height, width, 'rgb8', 0, 3 * width, rgb.ravel())
            for connection in connections:
                writer.write(connection, stamp, store.serialize_ros1(message, IMAGE))
    return path


@pytest.mark.parametrize(('name', 'write'), [('sqlite3', write_raw_sqlite3), ('ros1.bag', write_raw_ros1)])
def test_raw_images_of_other_kinds_of_bags_give_the_same_masks(
    run: Callable[..., Outcome],
    loader: BlobLoader,
    blob_bag: Path,
    tmp_path: Path,
    name: str,
    write: Callable[..., Path],
) -> None:
    topic, script = '/camera/image_raw', tmp_path / 'raw.yaml'
    bag = write(tmp_path / name, raw_frames(blob_bag), (topic,))
    write_prompt_script(PromptScript(topic, read_prompt_script(blob_bag / 'prompts.yaml').entries), script)
    track_recording(TrackingJob(Recording(bag, script, tmp_path / 'raw'), (topic,), PARAMETERS), load=loader)
    run('compressed')
    one, other = (messages(tmp_path / out) for out in ('raw', 'compressed'))
    assert [[t.counts.tolist() for t in m.tracks] for m in one] == [
        [t.counts.tolist() for t in m.tracks] for m in other
    ]


def test_two_topics_are_tracked_each_by_itself(loader: BlobLoader, blob_bag: Path, tmp_path: Path) -> None:
    topics = ('/eyes/left/image_raw', '/eyes/right/image_raw')
    bag = write_raw_sqlite3(tmp_path / 'stereo', raw_frames(blob_bag), topics)
    entries = (prompt('a', 0, LEFT), prompt('b', 3, RIGHT, topic=topics[1]))
    write_prompt_script(PromptScript(topics[0], entries), bag / 'prompts.yaml')
    job = TrackingJob(Recording(bag, bag / 'prompts.yaml', tmp_path / 'out'), topics, PARAMETERS)
    outcome = track_recording(job, load=loader)
    assert (outcome.images, outcome.problems) == (2 * FRAMES, ())
    with BagReader(tmp_path / 'out' / 'recording') as written:
        found = {
            eye: [list(tracks.masks) for tracks in written.tracks(f'/eyes/{eye}/sam2s_tracker/tracks')]
            for eye in ('left', 'right')
        }
    assert found == {'left': [['a']] * FRAMES, 'right': [[]] * 3 + [['b']] * (FRAMES - 3)}
    assert {path.name for path in (tmp_path / 'out').glob('*.mp4')} == {
        'overlay_eyes_left_image_raw.mp4', 'overlay_eyes_right_image_raw.mp4',
    }  # fmt: skip


def test_an_image_that_cannot_be_read_is_counted_and_told(loader: BlobLoader, blob_bag: Path, tmp_path: Path) -> None:
    store, frames = message_types(), raw_frames(blob_bag)[:5]
    with Writer(tmp_path / 'bad', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/c/compressed', COMPRESSED_IMAGE, typestore=store)
        for index, (stamp, rgb) in enumerate(frames):
            data = cv2.imencode('.png', rgb[..., ::-1])[1][: 40 if index == 2 else None]
            message = store.types[COMPRESSED_IMAGE](header(stamp, ''), 'png', data.ravel())
            writer.write(connection, stamp, serialize(message))
    write_prompt_script(PromptScript('/c/compressed', (prompt('a', 0, LEFT),)), tmp_path / 'bad' / 'prompts.yaml')
    job = TrackingJob(Recording(tmp_path / 'bad', tmp_path / 'bad' / 'prompts.yaml', tmp_path / 'out'), (), PARAMETERS)
    outcome = track_recording(job, load=loader)
    assert (outcome.images, outcome.unreadable) == (5, 1)
    assert len(messages(tmp_path / 'out')) == 4
    assert any('image skipped' in event.text for event in messages(tmp_path / 'out', 'events'))
