"""What a tracker has answered so far, on disk, so that an interrupted run goes on instead of beginning again.

Between two saves the journal holds calls in memory. A save writes the tracker's memory to state_N.safetensors and then
the calls to calls_N.jsonl; that file is what makes the save count. When a run goes on, the same calls come again, since
everything around the tracker does the same again, and are answered from the files. The first call that is not in them
restores the tracker's memory and is answered by the tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from sam2s_model import BadTrackerState, Frame, FrameResult, Prompt
from sam2s_ros.atomic_file import write_atomically
from sam2s_ros.offline.call_record import ANSWERS, CallRecord, fingerprint
from sam2s_ros.tracking_session import StreamTracker


class JournalMismatch(RuntimeError):
    """Another call came than the one that was written down, or the journal is damaged."""


class TrackingStopped(RuntimeError):
    """The run cannot go on; what is saved stays saved."""


@runtime_checkable
class ResumableTracker(StreamTracker, Protocol):
    """A tracker whose memory can be saved; `sam2s_model.Tracker` is one."""

    def saved(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...


class JournalledTracker:
    """A tracker with a journal; the same methods as any.

    Args:
        tracker: Answers what is not written down yet. Nobody else may use it.
        folder: Where the journal is, or will be.
    """

    def __init__(self, tracker: ResumableTracker, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tracker = tracker
        self._folder = folder
        self._saves = _count_saves(folder)
        self._past: Iterator[CallRecord] | None = self._read() if self._saves else None
        self._fresh: list[CallRecord] = []

    @property
    def is_resumed(self) -> bool:
        """Whether calls are, or were, answered from an earlier run."""
        return self._saves > 0

    def save(self) -> None:
        """Make all calls so far part of the journal; call it between two images."""
        if not self._fresh:
            return
        write_atomically(self._state(self._saves), self._tracker.saved())
        text = ''.join(f'{call.line()}\n' for call in self._fresh)
        write_atomically(self._calls(self._saves), text)
        self._state(self._saves - 1).unlink(missing_ok=True)
        self._saves += 1
        self._fresh.clear()

    def step(self, frame: Frame) -> FrameResult:
        return self._answer(('step', str(frame.stamp_ns)), lambda: self._tracker.step(frame))

    def look(self, frame: Frame) -> FrameResult:
        return self._answer(('look', str(frame.stamp_ns)), lambda: self._tracker.look(frame))

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        asked = ('prompt', str(frame.stamp_ns), object_id, fingerprint(prompt))
        return self._answer(asked, lambda: self._tracker.prompt(frame, object_id, prompt))

    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult:
        chosen = tuple(object_ids)
        asked = ('catch_up', str(frame.stamp_ns), *chosen)
        return self._answer(asked, lambda: self._tracker.catch_up(frame, chosen))

    def remove(self, object_id: str) -> None:
        self._call(('remove', object_id), lambda: self._tracker.remove(object_id))

    def reset(self) -> None:
        self._call(('reset',), self._tracker.reset)

    def _answer(self, asked: tuple[str, ...], ask: Callable[[], FrameResult]) -> FrameResult:
        result = self._call(asked, ask)
        assert result is not None
        return result

    def _call(self, asked: tuple[str, ...], ask: Callable[[], FrameResult | None]) -> FrameResult | None:
        past = self._recall(asked)
        if past is None:
            past = _made(asked, ask)
            self._fresh.append(past)
        if past.error:
            raise ANSWERS[past.error[0]](past.error[1])
        return past.result

    def _recall(self, asked: tuple[str, ...]) -> CallRecord | None:
        """The call as it was written down; None from the first one on that was not."""
        if self._past is None:
            return None
        call = next(self._past, None)
        if call is None:
            self._past = None
            self._restore(self._state(self._saves - 1))
            return None
        if call.asked != asked:
            raise JournalMismatch(f'expected the call {" ".join(call.asked)}, came {" ".join(asked)}')
        return call

    def _restore(self, state: Path) -> None:
        try:
            self._tracker.restore(state.read_bytes())
        except BadTrackerState as error:
            raise JournalMismatch(f'{state}: {error}') from error

    def _read(self) -> Iterator[CallRecord]:
        for number in range(self._saves):
            with self._calls(number).open(encoding='utf-8') as lines:
                for line in lines:
                    yield self._call_of(line, number)

    def _call_of(self, line: str, number: int) -> CallRecord:
        try:
            return CallRecord.read(line)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise JournalMismatch(f'{self._calls(number)}: expected a call, came {line!r:.60}') from error

    def _calls(self, number: int) -> Path:
        return self._folder / f'calls_{number}.jsonl'

    def _state(self, number: int) -> Path:
        return self._folder / f'state_{number}.safetensors'


def _count_saves(folder: Path) -> int:
    count = 0
    while (folder / f'calls_{count}.jsonl').is_file():
        count += 1
    return count if count and (folder / f'state_{count - 1}.safetensors').is_file() else 0


def _made(asked: tuple[str, ...], ask: Callable[[], FrameResult | None]) -> CallRecord:
    try:
        return CallRecord(asked, ask())
    except MemoryError as error:
        # Live, the newest object would be given up. Here that would make the masks a matter of luck.
        raise TrackingStopped(f'memory does not suffice for {" ".join(asked[:2])}: {error}') from error
    except tuple(ANSWERS.values()) as error:
        name = next(name for name, kind in ANSWERS.items() if isinstance(error, kind))
        return CallRecord(asked, error=(name, str(error)))
