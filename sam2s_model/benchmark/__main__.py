"""python -m sam2s_model.benchmark: time a frame, ours beside the reference; a table, JSON and a plot come out."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from sam2s_model.benchmark.case import FULL, QUICK, Case
from sam2s_model.benchmark.long_video import LongVideo, watch_long_video
from sam2s_model.benchmark.measure import Row, measure
from sam2s_model.benchmark.plot import draw
from sam2s_model.benchmark.report import OURS, REFERENCE, as_json, as_table, memory_line
from sam2s_model.compute import choose_device

PAGE_WIDTH = 150  # where no terminal says how wide it is
LONG, LONG_QUICK = (500, 5000), (100, 200)
LONG_REFERENCE = (50, 150)  # it slows down and keeps the whole video, so that a short one shows it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else PAGE_WIDTH)
    torch.set_num_threads(options.threads)
    cases = _chosen(options)
    if find_spec('sam2') is None:
        console.print('the reference is missing (pip install sam2s_ros[reference]): only lite is measured', style='red')
        cases = [case for case in cases if not case.has_reference]
    rows = [_measured(console, case, options) for case in cases]
    memory = {} if options.no_memory else _memory(options.quick)
    console.print(as_table(rows), *(memory_line(name, video) for name, video in memory.items()), sep='\n')
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(rows, memory, _settings(options)), indent=2) + '\n')
    if options.plot is not None:
        options.plot.write_text(draw(rows, memory))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_model.benchmark',
        description='Time a frame in our tracker and in the reference implementation of SAM 2.1, in turns.',
    )
    parser.add_argument('--quick', action='store_true', help='three cases and a short video')
    parser.add_argument('--model', action='append', help='only this model; may be repeated')
    parser.add_argument('--image-size', type=int, action='append', help='only with this side; may be repeated')
    parser.add_argument('--dtype', help='only float32 or bfloat16')
    parser.add_argument('--objects', type=int, action='append', help='only with so many objects; may be repeated')
    parser.add_argument('--option', action='append', help='only with this option; may be repeated; "none": without any')
    parser.add_argument('--rounds', type=int, default=5, help='frames of each that are timed (default: %(default)s)')
    parser.add_argument('--threads', type=int, default=2, help='CPU threads (default: %(default)s)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda; nothing was ever run on CUDA')
    parser.add_argument('--transformers', action='store_true', help='time the package transformers, too, in size tiny')
    parser.add_argument('--no-memory', action='store_true', help='leave out the long video')
    parser.add_argument('--json', type=Path, metavar='F', help='write all figures here')
    parser.add_argument(
        '--plot', type=Path, metavar='F', help='write a plot (SVG) of time against objects and frames here'
    )
    return parser


def _chosen(options: argparse.Namespace) -> list[Case]:
    return [
        case
        for case in (QUICK if options.quick else FULL)
        if (not options.model or case.model in options.model)
        and (not options.image_size or case.image_size in options.image_size)
        and options.dtype in (None, case.dtype)
        and (not options.objects or case.objects in options.objects)
        and (not options.option or set(case.options or ('none',)) <= set(options.option))
    ]


def _measured(console: Console, case: Case, options: argparse.Namespace) -> Row:
    with console.status(str(case)):
        return measure(case, options.rounds, choose_device(options.device), options.transformers)


def _memory(quick: bool) -> dict[str, LongVideo]:
    videos = {OURS: watch_long_video(*(LONG_QUICK if quick else LONG))}
    if find_spec('sam2') is not None:
        videos[REFERENCE] = watch_long_video(*LONG_REFERENCE, of_reference=True)
    return videos


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        'date': time.strftime('%Y-%m-%d', time.gmtime()),
        'device': options.device,
        'threads': options.threads,
        'rounds': options.rounds,
        'quick': options.quick,
        'torch': torch.__version__,
        'machine': f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores',
        'cpu': torch.cpu.get_capabilities().get('cpu_name'),
    }


if __name__ == '__main__':
    raise SystemExit(main())
