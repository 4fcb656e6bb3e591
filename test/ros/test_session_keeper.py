"""The session on disk follows the one that goes on, and a disk that fails keeps nobody from tracking."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sam2s_ros import session_keeper
from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.prompt_script import read_prompt_script
from sam2s_ros.session_file import SavedSession, read_session
from sam2s_ros.session_keeper import SessionKeeper, SessionSnapshot
from sam2s_ros.track_state import TrackState

Make = Callable[..., Any]
PROMPT = {'stamp_ns': 5, 'object_id': 'a', 'label': 'grasper', 'points': [[40.0, 30.0]], 'point_labels': [1]}


class Case:
    """A session that a test makes go on, and its file."""

    def __init__(self, path: Path, tracked_object: Make, tracked_image: Make) -> None:
        self.path = path
        self._object, self._image = tracked_object, tracked_image
        self.snapshot = SessionSnapshot('s1')
        self.events: list[Event] = []
        log = EventLog(self.events.append)
        self.keeper = SessionKeeper(path, lambda: self.snapshot, '/image', {'model.size': 'lite'}, log)

    def show(self, stamp_ns: int, **states: TrackState | None) -> None:
        """Go on to an image; an object of state None cannot be seen."""
        found = tuple(
            self._object(
                disc=(20 * n, 30, 9) if state else None, slot=n, state=state or TrackState.LOST, object_id=name
            )
            for n, (name, state) in enumerate(states.items(), start=1)
        )
        message = SimpleNamespace(header=None)
        tracked = replace(self._image(*found), image=ReceivedImage(message, stamp_ns, 0), objects=found)
        identities = tuple(one.identity for one in found)
        self.snapshot = SessionSnapshot('s1', stamp_ns, identities, tracked, (PROMPT,))

    def saved_when(self, condition: Callable[[SavedSession], bool]) -> SavedSession:
        deadline = time.monotonic() + 10
        while not (self.path.is_file() and condition(read_session(self.path))):
            assert time.monotonic() < deadline, [event.text for event in self.events]
            time.sleep(0.01)
        return read_session(self.path)


@pytest.fixture
def case(tmp_path: Path, tracked_object: Make, tracked_image: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr(session_keeper, 'PERIOD_S', 0.02)
    case = Case(tmp_path / 'case.session.json', tracked_object, tracked_image)
    case.keeper.start()
    yield case
    case.keeper.close()


def stamps(saved: SavedSession) -> dict[str, int]:
    return {known.identity.object_id: known.stamp_ns for known in saved.objects}


def test_each_object_is_saved_where_it_was_last_trusted(case: Case) -> None:
    case.show(10, a=TrackState.TRACKED, b=TrackState.TRACKED)
    assert stamps(case.saved_when(lambda saved: saved.frame_index == 10)) == {'a': 10, 'b': 10}
    case.show(20, a=TrackState.TRACKED, b=TrackState.UNCERTAIN)
    case.saved_when(lambda saved: saved.frame_index == 20)
    case.show(30, a=None, b=TrackState.FROZEN)
    saved = case.saved_when(lambda saved: saved.frame_index == 30)
    assert stamps(saved) == {'a': 20, 'b': 10}
    assert saved.images.keys() == {10, 20}
    assert all(known.mask.any() and saved.image(known.stamp_ns).shape == (60, 80, 3) for known in saved.objects)
    assert not saved.has_ended


def test_an_object_that_is_removed_leaves_the_file(case: Case) -> None:
    case.show(10, a=TrackState.TRACKED, b=TrackState.TRACKED)
    case.saved_when(lambda saved: len(saved.objects) == 2)
    case.snapshot = replace(case.snapshot, identities=case.snapshot.identities[1:])
    assert stamps(case.saved_when(lambda saved: len(saved.objects) == 1)) == {'b': 10}


def test_a_session_without_objects_does_not_replace_the_one_of_before(case: Case) -> None:
    case.path.write_text('of before')
    time.sleep(0.2)
    case.keeper.close()
    assert case.path.read_text() == 'of before'


def test_a_session_that_ends_in_order_says_so(case: Case) -> None:
    case.show(10, a=TrackState.TRACKED)
    case.saved_when(lambda saved: True)
    case.keeper.close()
    assert read_session(case.path).has_ended


def test_a_session_is_saved_by_request_with_a_script_of_its_prompts(case: Case, tmp_path: Path) -> None:
    case.show(10, a=TrackState.TRACKED)
    case.keeper.save_as(tmp_path / 'mine.session.json')
    assert stamps(read_session(tmp_path / 'mine.session.json')) == {'a': 10}
    script = read_prompt_script(tmp_path / 'mine.prompts.yaml')
    assert (script.image_topic, script.prompts[0].object_id, script.prompts[0].label) == ('/image', 'a', 'grasper')


def test_fault_34_a_full_disk_is_told_once_and_the_old_file_survives(
    case: Case, monkeypatch: pytest.MonkeyPatch, until: Callable[..., None]
) -> None:
    case.show(10, a=TrackState.TRACKED)
    case.saved_when(lambda saved: saved.frame_index == 10)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as disk:
        disk.setattr('sam2s_ros.atomic_file.os.fsync', full)
        for stamp in (20, 30, 40):
            case.show(stamp, a=TrackState.TRACKED)
            time.sleep(0.1)
        assert case.keeper.problems == ('the session cannot be saved: [Errno 28] No space left on device',)
        assert read_session(case.path).frame_index == 10
        # It tries again all the time; each attempt takes away what it began.
        until(lambda: [path.name for path in case.path.parent.iterdir()] == ['case.session.json'])
    case.saved_when(lambda saved: saved.frame_index == 40)
    until(lambda: case.keeper.problems == ())  # told once the file is there
    assert [event.code for event in case.events] == [EventCode.STORAGE_FAILED, EventCode.STORAGE_RESTORED]


def test_fault_34_a_folder_that_cannot_be_made_is_told(case: Case) -> None:
    case.keeper.close()
    file = case.path.parent / 'file'
    file.touch()
    keeper = SessionKeeper(file / 'case.session.json', lambda: case.snapshot, '', {}, EventLog(case.events.append))
    case.show(10, a=TrackState.TRACKED)
    keeper.start()
    keeper.close()
    assert keeper.problems and EventCode.STORAGE_FAILED in {event.code for event in case.events}
