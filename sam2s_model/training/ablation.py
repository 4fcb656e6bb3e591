"""`python -m sam2s_model.training.ablation CONFIG`: train variants with equal budgets, measure them, write a table.

What is done already is not done again: an interrupted ablation goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sam2s_model.evaluation.__main__ import main as evaluate
from sam2s_model.evaluation.absences import IN_TIME_S
from sam2s_model.evaluation.tracker_choice import MemoryPolicy
from sam2s_model.training.config import TrainingConfig, change, read_config, read_yaml
from sam2s_model.training.settings_reader import build_settings
from sam2s_model.training.train import train

TABLE, FIGURES = 'table.md', 'figures.json'
IN_TIME = f'rate_within_{IN_TIME_S:g}_s'


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        memory: What is remembered for long when it is measured.
        settings: How its training differs, as `key=value`.
    """

    memory: MemoryPolicy = 'divemem'
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ablation:
    """What is compared.

    Attributes:
        output: Folder for everything.
        training: The settings of training that all variants share, a file beside this one.
        variants: The rows by name.
        seeds: Each variant is trained once with each seed.
        data: What is measured on, as `python -m sam2s_model.evaluation` takes it.
        prompt: How objects are prompted.
        subset: Videos of each set, None for all. frames_per_video: Frames of each, None for all.
        workers: Videos that are measured at a time.
    """

    output: str
    training: str
    variants: dict[str, Variant]
    seeds: tuple[int, ...] = (0, 1)
    data: tuple[str, ...] = ('phantom-short', 'phantom-long')
    prompt: str = '3click'
    subset: int | None = None
    frames_per_video: int | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        for name in ('variants', 'seeds', 'data'):
            if not getattr(self, name):
                raise ValueError(f'{name}: expected at least one, came none')


def main(arguments: list[str] | None = None) -> None:
    """Run all variants with all seeds."""
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_model.training.ablation', description='Compare variants of training.'
    )
    parser.add_argument('config', type=Path, help='YAML file with the settings of `Ablation`')
    parser.add_argument('overrides', nargs='*', metavar='KEY=VALUE', help='settings to change, such as seeds=[0]')
    parser.add_argument('--train', action='append', default=[], metavar='KEY=VALUE', help='the same for all trainings')
    options = parser.parse_args(arguments)
    try:
        print(run_ablation(options.config, options.overrides, options.train))
    except (ValueError, FileNotFoundError) as problem:
        raise SystemExit(f'error: {problem}') from None


def run_ablation(path: Path, overrides: Iterable[str] = (), for_training: Iterable[str] = ()) -> str:
    """Train and measure what is missing; returns the table, which is also written.

    Args:
        path: The file of the ablation.
        overrides: Changes of its settings.
        for_training: Changes of the training of all variants.
    """
    content = read_yaml(path)
    for override in overrides:
        change(content, override)
    ablation = build_settings(Ablation, content)
    figures: dict[str, list[dict[str, Any]]] = {}
    for seed in ablation.seeds:  # all rows of one seed first: an early table compares like with like
        for name, variant in ablation.variants.items():
            shared = read_config(path.parent / ablation.training, [*for_training, *variant.settings])
            figures.setdefault(name, []).append(_measure(ablation, name, variant, shared, seed))
            table = _write(ablation, figures)
    return table


def _measure(ablation: Ablation, name: str, variant: Variant, shared: TrainingConfig, seed: int) -> dict[str, Any]:
    """Train and measure one variant with one seed; returns the content of the evaluation's JSON."""
    folder = Path(ablation.output) / re.sub(r'\W+', '_', name).strip('_') / f'seed_{seed}'
    result = folder / 'evaluation.json'
    if not result.is_file():
        weights = train(replace(shared, output=str(folder), seed=seed))
        _evaluate(ablation, variant, shared, weights, result)
    content: dict[str, Any] = json.loads(result.read_text())
    return content


def _evaluate(ablation: Ablation, variant: Variant, shared: TrainingConfig, weights: Path, result: Path) -> None:
    arguments = [*ablation.data, '--prompt', ablation.prompt, '--json', str(result)]
    arguments += ['--size', shared.network.size, '--checkpoint', str(weights), '--memory', variant.memory]
    arguments += ['--image-size', str(max(shared.sides)), '--workers', str(ablation.workers)]
    limits = {'--subset': ablation.subset, '--frames-per-video': ablation.frames_per_video}
    for option, value in limits.items():
        arguments += [] if value is None else [option, str(value)]
    if evaluate(arguments):
        raise ValueError(f'{weights}: expected figures, but the evaluation has failed; its message is above')


def _write(ablation: Ablation, figures: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write what is known so far; returns the table."""
    folder = Path(ablation.output)
    table = draw_table(figures)
    (folder / TABLE).write_text(table)
    (folder / FIGURES).write_text(json.dumps(figures, indent=1) + '\n')
    return table


def draw_table(figures: Mapping[str, list[dict[str, Any]]]) -> str:
    """Markdown, all in percent: mean over seeds ± their standard deviation.

    J&F of each set, then over all videos how many objects are found again in time after a long absence, and how many
    are called by their right name.
    """
    sets = list(next(iter(figures.values()))[0]['sets'])
    lines = [
        f'| | {" | ".join(f"J&F {kind}" for kind in sets)} | found again | named | seeds |',
        '|---' * (len(sets) + 4) + '|',
    ]
    for name, seeds in figures.items():
        cells = [_cell([seed['sets'][kind]['jf'] for seed in seeds]) for kind in sets]
        cells.append(_cell([seed['mean']['reacquisition_long'][IN_TIME] for seed in seeds]))
        cells.append(_cell([seed['mean']['labels']['object_accuracy'] for seed in seeds]))
        lines.append(f'| {name} | {" | ".join(cells)} | {len(seeds)} |')
    return '\n'.join(lines) + '\n'


def _cell(values: Sequence[float | None]) -> str:
    percent = 100 * np.array([value for value in values if value is not None])
    if not len(percent):
        return '–'
    spread = f' ± {percent.std(ddof=1):.1f}' if len(percent) > 1 else ''
    return f'{percent.mean():.1f}{spread}'


if __name__ == '__main__':
    main()
