"""Answers requests to save and load sessions, and resumes one that was cut off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sam2s_model import Frame
from sam2s_msgs.srv import LoadSession, SaveSession
from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.parameters import OutputParameters
from sam2s_ros.prompt_codes import PromptCode
from sam2s_ros.prompting import PromptRefused
from sam2s_ros.session_file import BadSession, SavedSession, read_session, session_path
from sam2s_ros.session_keeper import SessionKeeper
from sam2s_ros.tracking_session import TrackingSession

NANOSECONDS = 1_000_000_000


def output_folder(output: OutputParameters) -> Path:
    """Where sessions lie: output.dir, or ``sam2s`` beside the logs of ROS."""
    if output.dir:
        return Path(output.dir).expanduser()
    return Path(os.environ.get('ROS_HOME') or '~/.ros').expanduser() / 'sam2s'


def own_name(fully_qualified_name: str) -> str:
    """Under which name a node keeps its session: its own, with its namespace."""
    return fully_qualified_name.strip('/').replace('/', '.')[:64]


class SessionService:
    """Brings sessions to the disk and back.

    Args:
        folder: Where they lie.
        own: Name of the session that the node itself keeps.
        keeper: Writes them.
        session: What is saved, and what a loaded one is for.
        ask: Has the worker run a command and gives its result; raises `PromptRefused`.
        prepare: Does to a frame what can be done before it is tracked.
        events: Told of what is resumed, and of what cannot be.
    """

    def __init__(
        self,
        folder: Path,
        own: str,
        keeper: SessionKeeper,
        session: TrackingSession,
        ask: Callable[[Callable[[], Any]], Any],
        prepare: Callable[[Frame], Frame],
        events: EventLog,
    ) -> None:
        self._folder, self._own = folder, own
        self._keeper = keeper
        self._session = session
        self._ask = ask
        self._prepare = prepare
        self._events = events

    def save(self, request: SaveSession.Request, response: SaveSession.Response) -> SaveSession.Response:
        """Write the session down."""
        try:
            path = session_path(self._folder, request.name or self._own)
            self._keeper.save_as(path)
        except BadSession as error:
            response.code, response.message = int(PromptCode.INVALID), str(error)
        except OSError as error:
            response.code, response.message = int(PromptCode.INTERNAL), f'the session cannot be saved: {error}'
        else:
            response.success, response.path = True, str(path)
        return response

    def load(self, request: LoadSession.Request, response: LoadSession.Response) -> LoadSession.Response:
        """Go on with a session that was saved."""
        try:
            saved = read_session(session_path(self._folder, request.name or self._own))
            response.object_ids = list(self._ask(self._restoring(saved)))
            response.success = True
        except PromptRefused as refusal:
            response.code, response.message = int(refusal.code), str(refusal)
        except FileNotFoundError:
            known = sorted(path.name.removesuffix('.session.json') for path in self._folder.glob('*.session.json'))
            response.code = int(PromptCode.INVALID)
            response.message = f'no session {request.name or self._own!r} in {self._folder}; there are {known}'
        except (BadSession, OSError) as error:
            response.code, response.message = int(PromptCode.INVALID), str(error)
        return response

    def cut_off(self, within_s: float) -> Callable[[], Any] | None:
        """What resumes the node's own session, where it was cut off within the last seconds; else None."""
        path = session_path(self._folder, self._own)
        if not within_s or not path.is_file():
            return None
        try:
            saved = read_session(path)
        except (BadSession, OSError) as error:
            self._events.emit(EventCode.STORAGE_FAILED, f'the session of before cannot be resumed: {error}')
            return None
        age_s = (time.time_ns() - saved.saved_ns) / NANOSECONDS
        if saved.has_ended or not saved.objects or not 0 <= age_s <= within_s:
            return None
        return partial(self._resume, self._restoring(saved))

    def _resume(self, restore: Callable[[], Any]) -> None:
        try:
            restore()
        except Exception as error:  # there is nobody to hear it but whoever reads the events
            text = f'the session of before cannot be resumed: {type(error).__name__}: {error}'
            self._events.emit(EventCode.STORAGE_FAILED, text)

    def _restoring(self, saved: SavedSession) -> Callable[[], tuple[str, ...]]:
        """Read the images now; what is returned is for the worker."""
        stamps = {known.stamp_ns for known in saved.objects}
        frames = {stamp: self._prepare(Frame(saved.image(stamp), stamp)) for stamp in stamps}
        return partial(self._session.restore, saved, frames)
