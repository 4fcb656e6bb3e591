"""What a replay came to: frames, speed, latency, and accuracy where the recording holds true masks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2s_model.evaluation.scores import ObjectScore, ScoreSheet, VideoScore
from sam2s_ros.bag_io import BagReader, RecordedTracks
from sam2s_ros.bag_types import TRACK_ARRAY
from sam2s_ros.prompt_script import GroundTruth, PromptScript
from sam2s_ros.replay import ReplayJob, ReplayLog


@dataclass(frozen=True)
class ReplayReport:
    """The figures of one replay; None where there is nothing to measure.

    Attributes:
        frames_in: Images that the player published.
        frames_tracked: Images with a result in the recording.
        frames_dropped: All others: frames_in is their sum.
        objects: Objects that were tracked.
        fps: Results a second, from the first to the last.
        latency_ms_p50, latency_ms_p95: From publishing an image to receiving its masks, milliseconds.
        inference_ms_p50: Of that, in the network.
        frames_scored: Tracked frames with true masks and at least one prompted object. A dropped frame has no mask and
            is not scored; it is counted above.
        jf_mean, j_mean, f_mean: Means over the objects, each from its first prompt on, in [0, 1].
        per_object: The same for each object.
        failed_prompts: Prompts that were refused, with the reason.
    """

    frames_in: int
    frames_tracked: int
    frames_dropped: int
    objects: int
    fps: float
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    inference_ms_p50: float | None
    frames_scored: int
    jf_mean: float | None
    j_mean: float | None
    f_mean: float | None
    per_object: list[dict[str, Any]]
    failed_prompts: list[str]

    def write(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + '\n')


def report_of(job: ReplayJob, log: ReplayLog) -> ReplayReport:
    """Read the recorded outputs again, score them, and put all figures together.

    Raises:
        UnreadableBag: The recording of the outputs, or the true masks, cannot be read.
    """
    tally = _Tally(job.script)
    with BagReader(job.bag) as bag, BagReader(job.output) as output:
        for tracks, labels in _with_truth(output, bag, job.script.ground_truth):
            tally.add(tracks, labels)
    score = tally.sheet.score(job.bag.name)
    has_score = tally.frames_scored > 0
    return ReplayReport(
        frames_in=log.frames_published,
        frames_tracked=tally.frames,
        frames_dropped=log.frames_published - tally.frames,
        objects=len(tally.object_ids),
        fps=round(log.results_per_second, 2),
        latency_ms_p50=_percentile(log.latencies_ms, 50),
        latency_ms_p95=_percentile(log.latencies_ms, 95),
        inference_ms_p50=_percentile(tally.inference_ms, 50),
        frames_scored=tally.frames_scored,
        jf_mean=round(score.jf, 4) if has_score else None,
        j_mean=round(score.j, 4) if has_score else None,
        f_mean=round(score.f, 4) if has_score else None,
        per_object=_per_object(score, tally.object_ids),
        failed_prompts=log.failed_prompts,
    )


class _Tally:
    """Goes through the results once, in order."""

    def __init__(self, script: PromptScript) -> None:
        first = script.first_prompts
        self.sheet = ScoreSheet({object_id: prompt.label or object_id for object_id, prompt in first.items()})
        self.frames = 0
        self.frames_scored = 0
        self.inference_ms: list[float] = []
        self.object_ids: dict[str, None] = {}
        self._truth = script.ground_truth
        self._prompted_at = {object_id: prompt.stamp_ns for object_id, prompt in first.items()}

    def add(self, tracks: RecordedTracks, labels: NDArray[np.uint8] | None) -> None:
        self.frames += 1
        self.object_ids |= dict.fromkeys(tracks.masks)
        if tracks.masks:
            self.inference_ms.append(tracks.inference_s * 1000)
        if labels is not None and self._truth is not None and self._score(tracks, labels, self._truth):
            self.frames_scored += 1

    def _score(self, tracks: RecordedTracks, labels: NDArray[np.uint8], truth: GroundTruth) -> bool:
        """Score each object prompted on an earlier image; one without a mask counts as not seen."""
        ignored = np.isin(labels, truth.ignore_values) if truth.ignore_values else None
        nothing = np.zeros(labels.shape, bool)
        prompted = [
            name for name, stamp in self._prompted_at.items() if stamp < tracks.stamp_ns and name in truth.values
        ]
        for object_id in prompted:
            predicted = tracks.masks.get(object_id, nothing)
            self.sheet.add(object_id, predicted, labels == truth.values[object_id], ignored)
        return bool(prompted)


def _with_truth(
    output: BagReader, bag: BagReader, truth: GroundTruth | None
) -> Iterator[tuple[RecordedTracks, NDArray[np.uint8] | None]]:
    """Each result with the true labels of its image, None where there are none. Both come in the order of stamps."""
    images = bag.images(truth.topic) if truth else iter(())
    image = next(images, None)
    for tracks in output.tracks(output.topic_of_type(TRACK_ARRAY)):
        while image is not None and image.stamp_ns < tracks.stamp_ns:
            image = next(images, None)
        is_same = image is not None and image.stamp_ns == tracks.stamp_ns
        yield tracks, image.labels() if image is not None and is_same else None


def _per_object(score: VideoScore, tracked: dict[str, None]) -> list[dict[str, Any]]:
    return [
        {'object_id': row.object_id, 'label': row.label, 'tracked': row.object_id in tracked, **_scores(row)}
        for row in score.objects
    ]


def _scores(row: ObjectScore) -> dict[str, Any]:
    if not row.frames:
        return {'frames_scored': 0, 'jf': None, 'j': None, 'f': None}
    return {'frames_scored': row.frames, 'jf': round(row.jf, 4), 'j': round(row.j, 4), 'f': round(row.f, 4)}


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None
