"""What a person points at live is a script: it gives the same objects offline, and live again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import ask, ids, image, point, track
from saved_blobs import BlobLoader, saving
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import Prompt
from sam2s_msgs.srv import EditObject, RemoveObjects, SaveSession
from sam2s_ros import loaded_model
from sam2s_ros.bag_io import BagReader
from sam2s_ros.bag_player import Playback
from sam2s_ros.health import ModelSource
from sam2s_ros.labelled_bag import IMAGE_TOPIC
from sam2s_ros.offline.bag_tracking import TrackingJob, track_recording
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.parameters import parameters_from
from sam2s_ros.prompt_script import ScriptedRemoval, read_prompt_script
from sam2s_ros.replay import ReplayJob, replay

pytestmark = pytest.mark.ros

Masks = dict[int, dict[str, np.ndarray]]  # by stamp and id


@pytest.fixture
def live(start_tracker: Callable[..., TrackerInProcess], blob_bag: Path) -> tuple[dict[int, list[str]], Path]:
    """A surgery with prompts: ids by stamp as a listener heard them, and the script that was saved of it."""
    tracker = start_tracker()
    heard: dict[int, list[str]] = {}
    with BagReader(blob_bag) as bag:
        frames = [(frame.stamp_ns, frame.rgb()) for frame in bag.images(IMAGE_TOPIC)]
    for number, (stamp, rgb) in enumerate(frames):
        heard[stamp] = ids(track(tracker, image(stamp, rgb)))
        act(tracker, number, [stamp for stamp, _ in frames])
    saved = tracker.call(SaveSession, 'save_session', SaveSession.Request(name='case'))
    assert saved.success, saved.message
    tracker.close()
    return heard, Path(saved.path).with_name('case.prompts.yaml')


def act(tracker: TrackerInProcess, number: int, stamps: list[int]) -> None:
    """What a person does after so many images."""
    if number == 2:
        assert ask(tracker, point('psm1', (20, 15), label='grasper')).success
    if number == 6:  # on an image that has passed, and without a name
        assert ask(tracker, point('', (50, 43)), stamp=stamps[4]).success
    if number == 9:
        assert ask(tracker, point('psm1', (20, 19), mode=Prompt.CORRECT)).success
    if number == 12:
        assert tracker.call(EditObject, 'edit_object', EditObject.Request(object_id='psm1', label='hook')).success
    if number == 15:
        assert tracker.call(RemoveObjects, 'remove_objects', RemoveObjects.Request(object_ids=['psm1'])).success
    if number == 18:
        assert ask(tracker, point('psm1', (20, 24), label='grasper')).success


def tracked(recording: Path) -> Masks:
    with BagReader(recording) as bag:
        return {result.stamp_ns: result.masks for result in bag.tracks('/sam2s_tracker/tracks')}


def test_a_live_session_is_tracked_offline_with_the_same_objects(
    live: tuple[dict[int, list[str]], Path], blob_bag: Path, tmp_path: Path, blob_tracker: Any
) -> None:
    heard, script = live
    parameters = parameters_from({'tracking.auto_freeze': False})
    runs = []
    for name in ('first', 'second'):
        job = TrackingJob(Recording(blob_bag, script, tmp_path / name), (IMAGE_TOPIC,), parameters)
        outcome = track_recording(job, load=BlobLoader(saving(type(blob_tracker))))
        assert outcome.problems == ()
        runs.append(tracked(tmp_path / name / 'recording'))
    assert [masks.keys() for masks in runs[0].values()] == [masks.keys() for masks in runs[1].values()]
    for one, other in zip(runs[0].values(), runs[1].values(), strict=True):
        for object_id, mask in one.items():
            np.testing.assert_array_equal(mask, other[object_id])
    # Offline a prompt counts on its own image, live from the next one that is tracked.
    stamps = list(heard)
    late = {stamps[n] for n in (2, 4, 5, 6, 18)}
    assert {stamp: sorted(masks) for stamp, masks in runs[0].items() if stamp not in late} == {
        stamp: sorted(found) for stamp, found in heard.items() if stamp not in late
    }
    assert [sorted(runs[0][stamp]) for stamp in sorted(late)] == [['psm1'], *[['1', 'psm1']] * 4]


def test_a_live_session_is_played_again_with_the_same_ids(
    live: tuple[dict[int, list[str]], Path],
    blob_bag: Path,
    tmp_path: Path,
    blob_tracker: Any,
    ros_domain: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard, path = live
    script = read_prompt_script(path)
    assert [entry.object_id for entry in script.entries if isinstance(entry, ScriptedRemoval)] == ['psm1']
    assert [(scripted.object_id, scripted.label) for scripted in script.prompts] == [
        ('psm1', 'hook'),  # renamed later
        ('1', ''),
        ('psm1', 'hook'),
        ('psm1', 'grasper'),  # another object of that name
    ]
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros_domain))
    loaded = loaded_model.LoadedModel(blob_tracker, ModelSource('blobs', 'cpu', '', ''))
    monkeypatch.setattr(loaded_model, 'load_model', lambda model: loaded)
    log = replay(ReplayJob(blob_bag, IMAGE_TOPIC, script, tmp_path / 'again', Playback(step=True)))
    assert log.failed_prompts == []
    again = tracked(tmp_path / 'again')
    assert again.keys() == heard.keys()
    assert set().union(*again.values()) == set().union(*map(set, heard.values())) == {'psm1', '1'}
    assert sorted(again[max(again)]) == sorted(heard[max(heard)])
