"""The command `track_bag`: what is asked for, and how it goes. Importing this loads PyTorch."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sam2s_ros.offline.bag_tracking import Outcome, TrackingJob
from sam2s_ros.offline.jobs import JobFailed, JobNews, run_jobs
from sam2s_ros.offline.recordings import find_recordings
from sam2s_ros.parameter_rules import check_together, checked_value
from sam2s_ros.parameters import FIELDS, BadParameter, Parameters, parameters_from


def run(options: argparse.Namespace, console: Console) -> bool:
    """Track recordings; whether all of it was done.

    Raises:
        ValueError, OSError: Recordings, prompts or parameters cannot be used; the message says why.
    """
    recordings = find_recordings(options.bags, options.prompts, options.out)
    parameters = _parameters(options.param, min(options.jobs, len(recordings)))
    topics = tuple(options.topic)
    jobs = [TrackingJob(recording, topics, parameters, options.images) for recording in recordings]
    with closing(run_jobs(jobs, options.jobs)) as news:
        return _watch(news, jobs, console)


def _watch(news: Iterator[JobNews], jobs: Sequence[TrackingJob], console: Console) -> bool:
    """Show how the jobs go; whether all of them did everything."""
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_whole = True
    with Progress(*columns, console=console) as progress:
        bars = [progress.add_task(job.recording.bag.name, total=None) for job in jobs]
        for told in news:
            if isinstance(told.what, tuple):
                done, total = told.what
                progress.update(bars[told.job], completed=done, total=total)
                continue
            progress.remove_task(bars[told.job])
            for line in _lines(told.what, jobs[told.job]):
                console.print(line, markup=False, highlight=False)
            is_whole = is_whole and isinstance(told.what, Outcome) and not _is_lacking(told.what)
    return is_whole


def _is_lacking(outcome: Outcome) -> bool:
    return bool(outcome.problems or outcome.unreadable)


def _lines(what: Outcome | JobFailed, job: TrackingJob) -> list[str]:
    bag, out = job.recording.bag, job.recording.out
    if isinstance(what, JobFailed):
        return [f'{bag}: error: {what.reason}']
    if what.was_done:
        return [f'{bag}: done before, see {out}']
    rate = what.images / what.seconds if what.seconds else 0.0
    lines = [f'{bag}: {what.images} images, {rate:.1f} a second, see {out}']
    lines += [f'{bag}: not played: {problem}' for problem in what.problems]
    return lines + ([f'{bag}: {what.unreadable} images could not be read'] if what.unreadable else [])


def _parameters(settings: Sequence[str], jobs: int) -> Parameters:
    """The node's parameters from `name:=value`, values as in YAML; several jobs share the cores.

    Nobody waits for the next image, so that masks are read again on each, unless something else is asked for.

    Raises:
        BadParameter: There is no such parameter, or it cannot have that value.
    """
    values: dict[str, Any] = {'model.look_turn': 1}
    for setting in settings:
        name, separator, value = setting.partition(':=')
        if not separator or name not in FIELDS:
            raise BadParameter(f'expected --param NAME:=VALUE of config/tracker.yaml, came {setting!r}')
        values[name] = checked_value(FIELDS[name], yaml.safe_load(value))
    parameters = parameters_from(values)
    if jobs > 1 and not parameters.model.threads:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        parameters = replace(parameters, model=replace(parameters.model, threads=threads))
    check_together(parameters)
    return parameters
