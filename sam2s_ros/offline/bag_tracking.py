"""Track one recording from its first image to its last; what was interrupted goes on."""

from __future__ import annotations

import heapq
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rclpy.serialization import deserialize_message

from sam2s_ros.atomic_file import write_atomically
from sam2s_ros.bag_io import BagReader, SerializedImage
from sam2s_ros.bag_player import IMAGE_TYPES
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.loaded_model import LoadedModel, load_model
from sam2s_ros.offline.figures_file import write_figures
from sam2s_ros.offline.html_report import write_report
from sam2s_ros.offline.provenance import Provenance, provenance_of
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.offline.run_outputs import BAG, FIGURES, REPORT, RunOutputs
from sam2s_ros.offline.stream_tracking import OfflineStream, main_topic
from sam2s_ros.offline.track_journal import JournalledTracker, JournalMismatch, ResumableTracker
from sam2s_ros.offline.truth_scores import TruthScores
from sam2s_ros.parameters import ModelParameters, Parameters
from sam2s_ros.prompt_script import PromptScript, read_prompt_script

PARTS, PROVENANCE, SCRIPT = '.parts', 'provenance.json', 'prompts.yaml'
SAVE_EVERY = 100  # images; so many are tracked again, at most, after an interruption

Loader = Callable[[ModelParameters], LoadedModel]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrackingJob:
    """What to do with one recording.

    Attributes:
        recording: The bag, its prompts, and where the results go.
        topics: Its image topics; none for the one of the script.
        parameters: As the node has them.
        keeps_images: Whether the output bag holds the images, too.
    """

    recording: Recording
    topics: tuple[str, ...]
    parameters: Parameters
    keeps_images: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a recording.

    Attributes:
        images: Number of images, all topics together. unreadable: How many of them could not be read.
        problems: One line for each prompt that was not played or refused.
        was_done: An earlier run with the same provenance had done it all.
        seconds: How long it took.
    """

    recording: Recording
    images: int = 0
    unreadable: int = 0
    problems: tuple[str, ...] = ()
    was_done: bool = False
    seconds: float = 0.0


def track_recording(
    job: TrackingJob, on_progress: Progress = lambda done, total: None, load: Loader = load_model
) -> Outcome:
    """Track a recording and write everything into its folder.

    Args:
        job: What to do.
        on_progress: Called with the number of images done and their total.
        load: Builds the tracker of each image topic.

    Raises:
        UnreadableBag, BadPromptScript, FileNotFoundError: The recording, a topic or the script cannot be used.
        CheckpointMismatch, ValueError: The weights or the parameters cannot be used.
        TrackingStopped: Memory does not suffice.
    """
    script = read_prompt_script(job.recording.script)
    types = _image_types(job, script)
    models = [load(job.parameters.model) for _ in types]
    about = provenance_of(job.recording.bag, tuple(types), script, models[0].source, job.parameters)
    if _is_done(job, about, tuple(types)):
        return Outcome(job.recording, was_done=True)
    trackers = [_resumable(model) for model in models]
    try:
        return _Run(job, script, types, about, trackers).track(on_progress)
    except JournalMismatch:
        shutil.rmtree(_parts(job, about))  # it is of no use any more: begin again
        return track_recording(job, on_progress, load)


class _Run:
    """One recording on its way through the trackers."""

    def __init__(
        self,
        job: TrackingJob,
        script: PromptScript,
        types: dict[str, str],
        about: Provenance,
        trackers: Sequence[ResumableTracker],
    ) -> None:
        self._job = job
        self._script = script
        self._types = types
        self._about = about
        self._parts = _parts(job, about)
        self._main = main_topic(script, tuple(types))
        self._streams = {
            topic: self._stream(topic, JournalledTracker(tracker, self._parts / f'journal_{number}'))
            for number, (topic, tracker) in enumerate(zip(types, trackers, strict=True))
        }

    def track(self, on_progress: Progress) -> Outcome:
        begun = time.monotonic()
        new = self._parts / 'new'
        shutil.rmtree(new, ignore_errors=True)  # of a run that was interrupted; it is written again from the journal
        new.mkdir(parents=True)
        images = unreadable = 0
        with RunOutputs(
            new, self._types, self._job.parameters, self._job.keeps_images, self._truths(), self._about.text()
        ) as outputs:
            total = _count(self._job.recording.bag, self._types)
            for topic, image in _images(self._job.recording.bag, self._types):
                result = self._streams[topic].track(_received(image, self._types[topic]))
                outputs.add(topic, image, result)
                images, unreadable = images + 1, unreadable + (result.tracked is None)
                if images % SAVE_EVERY == 0:
                    self._save()
                on_progress(images, total)
        self._save()
        problems = self._problems()
        notes = [*problems, *([f'{unreadable} images could not be read'] if unreadable else [])]
        name = self._job.recording.bag.name
        reports = outputs.topic_reports
        write_report(new / REPORT, name, reports, notes, self._about.text())
        write_figures(new / FIGURES, reports, notes)
        self._finish(new)
        return Outcome(self._job.recording, images, unreadable, tuple(problems), seconds=time.monotonic() - begun)

    def _stream(self, topic: str, tracker: JournalledTracker) -> OfflineStream:
        script = self._script.of_topic(topic, is_main=topic == self._main)
        return OfflineStream(script, self._job.parameters, tracker, self._about.run_id)

    def _truths(self) -> dict[str, TruthScores]:
        truth = self._script.ground_truth
        if truth is None:
            return {}
        return {self._main: TruthScores(self._job.recording.bag, self._script, truth)}

    def _save(self) -> None:
        for stream in self._streams.values():
            stream.tracker.save()

    def _problems(self) -> list[str]:
        return [
            f'{topic}: {line}'
            for topic, stream in self._streams.items()
            for line in (*stream.failures, *stream.unplayed)
        ]

    def _finish(self, new: Path) -> None:
        """Put the files where they belong, last of all the one that says that the run is done."""
        out = self._job.recording.out
        write_atomically(new / SCRIPT, self._about.prompts)
        (out / PROVENANCE).unlink(missing_ok=True)
        for path in sorted(new.iterdir()):
            _remove(out / path.name)
            path.rename(out / path.name)
        write_atomically(out / PROVENANCE, self._about.text())
        shutil.rmtree(out / PARTS)


def _parts(job: TrackingJob, about: Provenance) -> Path:
    return job.recording.out / PARTS / about.run_id


def _image_types(job: TrackingJob, script: PromptScript) -> dict[str, str]:
    """Image topics to their message types; those asked for, else that of the script."""
    with BagReader(job.recording.bag) as bag:
        topics = [bag.image_topic(topic) for topic in job.topics or (script.image_topic,)]
        return {topic: bag.types[topic] for topic in topics}


def _count(bag: Path, topics: dict[str, str]) -> int:
    with BagReader(bag) as reader:
        return sum(reader.count(topic) for topic in topics)


def _images(bag: Path, topics: dict[str, str]) -> Iterator[tuple[str, SerializedImage]]:
    """The images of all topics in the order in which they were recorded."""
    with ExitStack() as opened:
        # A reader for each topic: one that is in the middle of a topic cannot begin another.
        readers = {topic: opened.enter_context(BagReader(bag)) for topic in topics}
        streams = [_of_topic(reader, topic) for topic, reader in readers.items()]
        yield from heapq.merge(*streams, key=lambda pair: pair[1].recorded_ns)


def _of_topic(reader: BagReader, topic: str) -> Iterator[tuple[str, SerializedImage]]:
    return ((topic, image) for image in reader.serialized_images(topic))


def _received(image: SerializedImage, kind: str) -> ReceivedImage:
    return ReceivedImage(deserialize_message(image.cdr, IMAGE_TYPES[kind]), image.stamp_ns, image.recorded_ns)


def _resumable(model: LoadedModel) -> ResumableTracker:
    tracker = model.tracker
    if not isinstance(tracker, ResumableTracker):
        raise TypeError(f'expected a tracker whose memory can be saved, came {type(tracker).__name__}')
    return tracker


def _is_done(job: TrackingJob, about: Provenance, topics: tuple[str, ...]) -> bool:
    marker = job.recording.out / PROVENANCE
    if not marker.is_file() or marker.read_text(encoding='utf-8') != about.text():
        return False
    if not job.keeps_images:
        return True
    with BagReader(job.recording.out / BAG) as written:
        return written.types.keys() >= set(topics)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
