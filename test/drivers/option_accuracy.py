"""What options that change results cost in accuracy: the small SAM 2.1 tracks phantom surgery with and without them.

    PYTHONPATH=test/drivers python -m option_accuracy learnt          # the video that it was trained on
    PYTHONPATH=test/drivers python -m option_accuracy phantom-long --weights F --side 512

Masks are compared with the truth and with those of the exact network, frame by frame.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from parity_videos import phantom_strips
from safetensors.torch import load_file
from small_sam2s import SIZE, WEIGHTS, WIDTHS

from sam2s_model.data import LabelledVideo
from sam2s_model.data.clip import Clip
from sam2s_model.evaluation.benchmark_videos import benchmark_sources
from sam2s_model.evaluation.evaluate import Observation, evaluate
from sam2s_model.evaluation.figures import video_figures
from sam2s_model.onnx.backend import hand_over
from sam2s_model.onnx.export import export, quantize_encoder
from sam2s_model.sam2s import Sam2s
from sam2s_model.switches import Switches
from sam2s_model.tracker import Tracker

LEARNT = 'learnt'
EXACT = 'exact'
INT8_ENCODER = 'image encoder in int8'
VARIANTS = {
    EXACT: (Switches(), torch.float32),
    'bfloat16': (Switches(), torch.bfloat16),
    'pooled_memory': (Switches(pooled_memory=True), torch.float32),
    'pooled_memory, bfloat16': (Switches(pooled_memory=True), torch.bfloat16),
    INT8_ENCODER: (Switches(), torch.float32),
}


def main() -> None:
    """Print a table: a row for each variant."""
    options = _parser().parse_args()
    torch.set_num_threads(1)
    print('| variant | J&F | least IoU of a mask with the exact one | IoU over all pixels |', flush=True)
    print('|---|---|---|---|', flush=True)
    videos = (
        [learnt_video()]
        if options.data == LEARNT
        else [source.open() for source in benchmark_sources(options.data)[: options.videos]]
    )
    exact: list[np.ndarray] = []
    for name in VARIANTS:
        tracker = build(name, options.weights, options.side)
        masks: list[np.ndarray] = []
        scores = [score(tracker, video, options.frames, masks.append) for video in videos]
        exact = exact or masks
        print(
            f'| {name} | {np.mean(scores):.4f} | {_least_iou(exact, masks):.4f} | {_iou(exact, masks):.4f} |',
            flush=True,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description='What options cost in accuracy, measured with a small SAM 2.1.')
    parser.add_argument('data', help=f'phantom-short, phantom-long …, or {LEARNT!r}, the video of the fixture')
    parser.add_argument('--videos', type=int, default=4, help='the first so many of the set')
    parser.add_argument('--frames', type=int, default=600, help='the first so many of each')
    parser.add_argument('--side', type=int, default=128, help='pixels that the network sees')
    parser.add_argument('--weights', type=Path, default=WEIGHTS, help='of the small SAM 2.1')
    return parser


def learnt_video() -> LabelledVideo:
    """The phantom video that the small network was trained on, where its masks mean something."""
    frames, labels = phantom_strips()
    objects = {number: str(number) for number in range(1, int(labels.max()) + 1)}
    return Clip('learnt', 25.0, list(frames), list(labels), objects, instruments=(), least_area=1).video()


def build(variant: str, weights: Path, side: int) -> Tracker:
    """A tracker of the small network with the options of a variant."""
    switches, precision = VARIANTS[variant]
    network = Sam2s(SIZE, side, switches, WIDTHS)
    network.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    network.compute_in(precision)
    if variant == INT8_ENCODER:
        with tempfile.TemporaryDirectory() as folder:
            export(network, Path(folder))
            quantize_encoder(Path(folder))
            hand_over(network, Path(folder), 'cpu', threads=1)
    return Tracker(network.eval(), torch.device('cpu'), switches=switches)


def score(tracker: Tracker, video: LabelledVideo, frames: int, note: Callable[[np.ndarray], None]) -> float:
    """J&F of one video; notes the masks (objects, H, W) of each frame, packed."""

    def watch(seen: Observation) -> None:
        for shown in seen.result.objects:
            note(np.packbits(shown.mask))

    tracked = evaluate(tracker, video, 'mask', frames, watch)
    jf = video_figures(video.name, '', tracked, 'inner').figures.accuracy['inner'].jf
    assert jf is not None, 'nothing was prompted'
    return jf


def _ious(exact: list[np.ndarray], masks: list[np.ndarray]) -> Iterator[float]:
    for one, other in zip(exact, masks, strict=True):
        union = int(np.bitwise_count(one | other).sum())
        yield int(np.bitwise_count(one & other).sum()) / union if union else 1.0


def _least_iou(exact: list[np.ndarray], masks: list[np.ndarray]) -> float:
    return min(_ious(exact, masks))


def _iou(exact: list[np.ndarray], masks: list[np.ndarray]) -> float:
    common, union = (
        sum(int(np.bitwise_count(join(one, other)).sum()) for one, other in zip(exact, masks, strict=True))
        for join in (np.bitwise_and, np.bitwise_or)
    )
    return common / union


if __name__ == '__main__':
    main()
