"""python -m sam2s_model.evaluation DATA...: prompt, track and score videos; a table, JSON and HTML come out."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sam2s_model.data import UnreadableData, VideoSource, find_videos
from sam2s_model.evaluation.benchmark_videos import BENCHMARKS, benchmark_sources
from sam2s_model.evaluation.conventions import CONVENTIONS
from sam2s_model.evaluation.figures import video_figures
from sam2s_model.evaluation.html_report import write_report
from sam2s_model.evaluation.protocol import PROMPT_KINDS
from sam2s_model.evaluation.run import Job, VideoRecord, run
from sam2s_model.evaluation.summary import Summary
from sam2s_model.evaluation.table import result_lines, result_table
from sam2s_model.evaluation.tracker_choice import MEMORY_POLICIES, TRACKERS, TrackerChoice, check_prompt_kind


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    console = Console()
    choice = _choice(options)
    job = Job(choice, options.prompt, options.frames_per_video, pictures=options.html is not None)
    try:
        check_prompt_kind(choice, options.prompt)
        sources = _sources(options.data, options.subset)
        records = _run(console, sources, job, options.workers)
    except (UnreadableData, FileNotFoundError, ValueError) as error:
        console.print(f'error: {escape(str(error))}', style='red')
        return 1
    videos = tuple(video_figures(r.source.name, r.source.dataset, r.video, options.score) for r in records)
    summary = Summary(_settings(options), videos, options.score)
    console.print(result_table(summary), *result_lines(summary), sep='\n')
    if options.json is not None:
        summary.write(options.json)
    if options.html is not None:
        write_report(options.html, summary, records)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_model.evaluation',
        description='Prompt the objects of videos once each, track them, and compare with the true masks.',
    )
    data = f'videos with true masks (see docs/evaluation.md), or a benchmark set: {", ".join(BENCHMARKS)}'
    parser.add_argument('data', nargs='+', metavar='DATA', help=data)
    parser.add_argument('--prompt', choices=PROMPT_KINDS, default='3click', type=_prompt, help='default: %(default)s')
    parser.add_argument('--json', type=Path, metavar='F', help='write all figures here')
    parser.add_argument('--html', type=Path, metavar='F', help='write a report with curves and pictures here')
    parser.add_argument(
        '--score', choices=CONVENTIONS, default='inner',
        help='inner leaves out the first and last annotated frame; the JSON has both (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--tracker', '--size', choices=TRACKERS, default='lite', help='what is measured (default: %(default)s)'
    )
    parser.add_argument(
        '--memory', choices=MEMORY_POLICIES, default='divemem',
        help='divemem, sam2 (no long-term memory), or paper (divemem that counts every frame) (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--checkpoint', type=Path, help='weights; default: those shipped with the size')
    parser.add_argument('--device', default='auto', help='auto, cpu or cuda (default: %(default)s)')
    parser.add_argument('--precision', default='auto', help='auto, float32, bfloat16, float16 or int8')
    parser.add_argument('--image-size', type=int, help="side of the model's input in pixels; default: the size's own")
    parser.add_argument('--threads', type=int, help='CPU threads of each process; default: all cores shared equally')
    parser.add_argument('--workers', type=_positive, default=1, help='videos at a time (default: %(default)s)')
    parser.add_argument('--frames-per-video', type=_positive, metavar='N', help='stop each video after N frames')
    parser.add_argument('--subset', type=_positive, metavar='N', help='the first N videos of each set only')
    return parser


def _prompt(text: str) -> str:
    return text.replace('-', '')  # 3-click means 3click


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected a number from 1 on, got {text!r}')
    return int(text)


def _choice(options: argparse.Namespace) -> TrackerChoice:
    shared = max(1, (os.cpu_count() or 1) // options.workers) if options.workers > 1 else None
    return TrackerChoice(
        name=options.tracker,
        memory=options.memory,
        checkpoint=options.checkpoint,
        device=options.device,
        precision=options.precision,
        image_size=options.image_size,
        threads=options.threads or shared,
    )


def _sources(data: Sequence[str], subset: int | None) -> list[VideoSource]:
    """The videos of all data, at most `subset` of each set, with names of their own."""
    found = [s for name in data for s in (benchmark_sources(name) if name in BENCHMARKS else find_videos(Path(name)))]
    taken: dict[tuple[str, str], VideoSource] = {}
    for source in found:
        of_set = sum(dataset == source.dataset for dataset, _ in taken)
        if subset is None or of_set < subset:
            taken.setdefault((source.dataset, source.name), source)
    names = [name for _, name in taken]
    return [_renamed(source) if names.count(source.name) > 1 else source for source in taken.values()]


def _renamed(source: VideoSource) -> VideoSource:
    """Another set has a video of the same name."""
    return VideoSource(f'{source.dataset}/{source.name}', source.dataset, source.open)


def _run(console: Console, sources: Sequence[VideoSource], job: Job, workers: int) -> list[VideoRecord]:
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        videos = progress.add_task('videos', total=len(sources))
        frames = progress.add_task('frames', total=None, visible=workers == 1)

        def show(name: str, done: int, total: int) -> None:
            progress.update(frames, description=escape(name), completed=done, total=total)

        records = []
        for record in run(sources, job, workers, show):
            records.append(record)
            progress.advance(videos)
    return records


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        'data': list(options.data),
        'prompt': options.prompt,
        'score': options.score,
        'tracker': options.tracker,
        'memory': options.memory,
        'checkpoint': None if options.checkpoint is None else options.checkpoint.name,
        'image_size': options.image_size,
        'device': options.device,
        'precision': options.precision,
        'threads': options.threads,
        'workers': options.workers,
        'frames_per_video': options.frames_per_video,
        'subset': options.subset,
        'machine': f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores',
    }


if __name__ == '__main__':
    raise SystemExit(main())
