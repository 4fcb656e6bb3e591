"""Replay a recording through the tracker in real time and leave masks, video, pictures and figures to look at.

usage: python -m sam2s_ros.demo                                    the phantom surgery that we ship
       python -m sam2s_ros.demo --bag BAG --topic T --box 9 9 99 99  any rosbag2 or ROS 1 recording
       python -m sam2s_ros.demo --clip FOLDER                      a folder of frames/, masks/ and meta.json
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sam2s_ros.bag_io import BagReader
from sam2s_ros.bag_player import Playback
from sam2s_ros.labelled_bag import SCRIPTED_KINDS
from sam2s_ros.overlay_video import write_contact_sheet, write_video
from sam2s_ros.prompt_script import write_prompt_script
from sam2s_ros.replay import TRACKER, ReplayFailed, ReplayJob, ReplayLog, replay
from sam2s_ros.replay_report import ReplayReport, report_of
from sam2s_ros.replay_source import ReplaySource, boxed_source, clip_source, scripted_source, shipped_source

# What a run leaves in its folder. The next run replaces these and touches nothing else.
RECORDING, CLIP_BAG, VIDEO, SHEET, REPORT = 'recording', 'clip', 'overlay.mp4', 'contact_sheet.png', 'report.json'
FIRST_IMAGE, SCRIPT = 'first_image.png', 'prompts.yaml'
OUTPUTS = (RECORDING, CLIP_BAG, VIDEO, SHEET, REPORT, FIRST_IMAGE, SCRIPT)


def main(args: list[str] | None = None) -> int:
    """Run the demo; 0 when every prompt was taken, 1 when not or when something could not be used."""
    options = _parse(args)
    console = Console()
    try:
        report = run(options, console)
    except (ValueError, OSError, ReplayFailed) as error:
        console.print(f'error: {error}', style='red', markup=False, highlight=False)
        return 1
    console.print(_table(report))
    console.print(f'see {VIDEO}, {SHEET}, {REPORT} and {RECORDING}/ in {options.out}', markup=False, highlight=False)
    return 1 if report.failed_prompts else 0


def run(options: argparse.Namespace, console: Console) -> ReplayReport:
    """Replay what the options name and write all outputs.

    Raises:
        ValueError, OSError: The recording, a prompt or a parameter cannot be used; the message says why.
        ReplayFailed: The tracker did not come up.
    """
    _make_room(options.out)
    source = _source(options)
    write_prompt_script(source.script, options.out / SCRIPT)
    playback = Playback(options.rate, options.start, step=options.step)
    job = ReplayJob(
        source.bag, source.topic, source.script, options.out / RECORDING, playback, _parameters(options.param)
    )
    log = _replay_with_progress(job, console)
    with console.status('scoring and drawing'):
        report = report_of(job, log)
        report.write(options.out / REPORT)
        _write_pictures(job.output, options.out)
    return report


def _make_room(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in OUTPUTS:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _source(options: argparse.Namespace) -> ReplaySource:
    if options.clip:
        return clip_source(options.clip, options.out / CLIP_BAG, options.prompt)
    if not options.bag:
        return shipped_source()
    scripted = None if options.box else scripted_source(options.bag, options.topic, options.prompts)
    if scripted is not None:
        return scripted
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in options.box]
    return boxed_source(options.bag, options.topic, boxes, options.start, options.out / FIRST_IMAGE)


def _parameters(settings: list[str]) -> dict[str, Any]:
    """Parameters of the tracker node from `name:=value`, values as in YAML."""
    parameters = {}
    for setting in settings:
        name, separator, value = setting.partition(':=')
        if not separator:
            raise ValueError(f'expected --param NAME:=VALUE, came {setting!r}; see config/tracker.yaml for the names')
        parameters[name] = yaml.safe_load(value)
    return parameters


def _replay_with_progress(job: ReplayJob, console: Console) -> ReplayLog:
    with BagReader(job.bag) as bag:
        total = bag.count(job.topic)
    columns = (TextColumn('{task.description:<8}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        played, tracked = progress.add_task('played', total=total), progress.add_task('tracked', total=total)
        return replay(job, lambda: progress.advance(played), lambda: progress.advance(tracked))


def _write_pictures(recording: Path, out: Path) -> None:
    topic = f'/{TRACKER}/overlay/compressed'
    with BagReader(recording) as bag:
        write_video(bag.images(topic), out / VIDEO)
        write_contact_sheet(bag, topic, out / SHEET)


def _table(report: ReplayReport) -> Table:
    frames = f'{report.frames_in} in, {report.frames_tracked} tracked, {report.frames_dropped} dropped'
    table = Table(show_header=False)
    table.add_row('frames', frames)
    table.add_row('speed', f'{report.fps:.1f} frames a second')
    if report.latency_ms_p50 is not None:
        table.add_row(
            'latency', f'{report.latency_ms_p50:.0f} ms median, {report.latency_ms_p95:.0f} ms 95th percentile'
        )
    if report.jf_mean is not None:
        scores = f'J&F {report.jf_mean:.3f}   J {report.j_mean:.3f}   F {report.f_mean:.3f}'
        table.add_row('accuracy', f'{scores}   on {report.frames_scored} tracked frames')
    for row in report.per_object:
        score = 'not scored' if row['jf'] is None else f'J&F {row["jf"]:.3f}   J {row["j"]:.3f}   F {row["f"]:.3f}'
        table.add_row(f'  {row["object_id"]}', f'{score}   {row["label"]}')
    for failure in report.failed_prompts:
        table.add_row('failed', failure)
    return table


def _parse(args: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_ros.demo', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='folder to fill (default: %(default)s)')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--bag', type=Path, help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag')
    what.add_argument('--clip', type=Path, help='folder with frames/, masks/ and meta.json')
    parser.add_argument('--topic', help='image topic of --bag; needed when it has several')
    parser.add_argument('--prompts', type=Path, help='prompt script for --bag; default: the one beside it')
    box = ('X0', 'Y0', 'X1', 'Y1')
    parser.add_argument(
        '--box',
        type=float,
        nargs=4,
        action='append',
        default=[],
        metavar=box,
        help='an object on the first image of --bag',
    )
    parser.add_argument(
        '--prompt',
        choices=SCRIPTED_KINDS,
        default='box',
        help='how the objects of --clip are prompted (default: %(default)s)',
    )
    parser.add_argument('--rate', type=float, default=1.0, help='1 is the speed of the recording (default)')
    parser.add_argument('--start', type=float, default=0.0, metavar='SECONDS', help='skip so much of the beginning')
    parser.add_argument('--step', action='store_true', help='wait for the result of each image: none is dropped')
    parser.add_argument(
        '--param', action='append', default=[], metavar='NAME:=VALUE', help='parameter of the tracker node'
    )
    return parser.parse_args(args)


if __name__ == '__main__':
    sys.exit(main())
