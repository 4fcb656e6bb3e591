"""Our scores against those of the package vos-benchmark, which video object segmentation is scored with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.data.clip import Clip
from sam2s_model.evaluation.conventions import Convention
from sam2s_model.evaluation.evaluate import Observation, evaluate
from sam2s_model.evaluation.figures import video_figures
from sam2s_model.masklet import Frame, FrameResult, ObjectMask
from sam2s_model.prompt import Prompt

HEIGHT, WIDTH, FRAMES = 90, 120, 12
PERIOD_NS = 40_000_000


def true_labels() -> list[np.ndarray]:
    """Object 1 is always there, 2 arrives on frame 3, 3 leaves after frame 0 and returns on 7, 4 is gone from 5 on."""
    images = []
    for t in range(FRAMES):
        image = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(image, (25 + 2 * t, 25), 14, 1, -1)
        if t >= 3:
            cv2.ellipse(image, (90, 60 - t), (20, 9), 10.0 * t, 0, 360, 2, -1)
        if t == 0 or t >= 7:
            image[70:85, 10 + t : 40] = 3
        if t < 5:
            image[5:20, 80 : 100 + t] = 4
        images.append(image)
    return images


class SlippingTracker:
    """Knows the truth and shows it more and more out of place; sees object 4 for one frame too long."""

    def __init__(self, labels: list[np.ndarray]) -> None:
        self._labels = labels
        self._prompted: list[str] = []

    def reset(self) -> None:
        self._prompted = []

    def step(self, frame: Frame) -> FrameResult:
        t = frame.stamp_ns // PERIOD_NS
        shown = np.roll(self._labels[t], (t // 3, t // 2), axis=(0, 1))
        if t == 5:
            shown[5:12, 80:90] = 4
        objects = (ObjectMask(name, shown == int(name), 1.0, 1.0) for name in self._prompted)
        return FrameResult(t, frame.stamp_ns, tuple(objects))

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        self._prompted.append(object_id)
        return self.step(frame)


def as_label_image(result: FrameResult) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    for found in result.objects:
        image[found.mask] = int(found.object_id)
    return image


@pytest.mark.parity
@pytest.mark.parametrize('convention', ['inner', 'all'])
def test_scores_equal_those_of_vos_benchmark(convention: Convention, tmp_path: Path) -> None:
    reference = pytest.importorskip('vos_benchmark.benchmark')
    labels = true_labels()
    clip = Clip('clip', 25.0, [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * FRAMES, labels, dict.fromkeys(range(1, 5), ''))
    for folder in ('truth', 'found'):
        (tmp_path / folder / 'clip').mkdir(parents=True)

    def write(seen: Observation) -> None:
        cv2.imwrite(str(tmp_path / f'truth/clip/{seen.index:05d}.png'), labels[seen.index])
        cv2.imwrite(str(tmp_path / f'found/clip/{seen.index:05d}.png'), as_label_image(seen.result))

    tracked = evaluate(SlippingTracker(labels), clip.video(), 'mask', on_frame=write)
    ours = video_figures('clip', 'set', tracked, convention)
    score = reference.VideoEvaluator(tmp_path / 'truth', tmp_path / 'found', convention == 'inner')
    _, j, f = score('clip')
    assert len(j) == 4
    for row in ours.objects:
        accuracy = row.figures.accuracy[convention]
        expected = (j[int(row.object_id)] / 100, f[int(row.object_id)] / 100)
        assert (accuracy.j, accuracy.f) == pytest.approx(expected, abs=1e-6)
