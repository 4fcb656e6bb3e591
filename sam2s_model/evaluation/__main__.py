"""python -m sam2s_model.evaluation CLIP...: prompt, track and score clips, and print a table."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from sam2s_model import build_tracker
from sam2s_model.evaluation.clip import Clip, UnreadableClip, read_clip
from sam2s_model.evaluation.evaluate import evaluate
from sam2s_model.evaluation.protocol import PROMPT_KINDS, PromptKind
from sam2s_model.evaluation.scores import VideoScore
from sam2s_model.tracker import Tracker


def main() -> None:
    arguments = _parse()
    try:
        clips = [read_clip(folder) for folder in arguments.clips]
        tracker = build_tracker(
            arguments.size, arguments.checkpoint, arguments.device, arguments.image_size, arguments.threads
        )
    except (UnreadableClip, FileNotFoundError, ValueError) as error:
        raise SystemExit(f'error: {error}') from None
    scores = _evaluate_all(tracker, clips, arguments.prompt)
    Console().print(_table(scores, arguments.prompt))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_model.evaluation',
        description='Track the objects of clips from one prompt each and score the frames after it.',
    )
    parser.add_argument('clips', nargs='+', type=Path, metavar='CLIP', help='folder with frames/, masks/ and meta.json')
    parser.add_argument('--prompt', choices=PROMPT_KINDS, default='3-click', help='default: %(default)s')
    parser.add_argument('--size', default='lite', help='model size (default: %(default)s)')
    parser.add_argument('--checkpoint', type=Path, help='weights; default: those shipped with the size')
    parser.add_argument('--device', default='auto', help='auto, cpu or cuda (default: %(default)s)')
    parser.add_argument('--image-size', type=int, help="side of the model's input in pixels; default: the size's own")
    parser.add_argument('--threads', type=int, help='CPU threads; default: PyTorch decides')
    return parser.parse_args()


def _evaluate_all(tracker: Tracker, clips: list[Clip], kind: PromptKind) -> list[VideoScore]:
    scores = []
    with Progress(transient=True) as progress:
        for clip in clips:
            task = progress.add_task(clip.name, total=len(clip.frames))
            scores.append(evaluate(tracker, clip, kind, on_frame=partial(progress.advance, task)))
    return scores


def _table(scores: list[VideoScore], kind: PromptKind) -> Table:
    table = Table('clip', 'object', title=f'prompt: {kind}')
    for name in ('frames', 'J', 'F', 'J&F'):
        table.add_column(name, justify='right')
    for video in scores:
        for row in video.objects:
            table.add_row(video.name, row.label, str(row.frames), *_numbers(row.j, row.f, row.jf))
    means = [float(np.nanmean([getattr(video, name) for video in scores])) for name in ('j', 'f', 'jf')]
    table.add_section()
    table.add_row('mean over clips', '', '', *_numbers(*means))
    return table


def _numbers(*values: float) -> list[str]:
    return [f'{value:.3f}' for value in values]


if __name__ == '__main__':
    main()
