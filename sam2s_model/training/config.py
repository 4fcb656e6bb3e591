"""Training settings, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import yaml


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run.

    Attributes:
        output: Folder for checkpoints and logs.
        steps: Optimiser steps in all.
        clips_per_step: Clips whose gradients make one step.
        sides: Sides S of the square clips in pixels, one drawn for each clip.
        frames: Fewest and most frames of a clip.
        learning_rate: Peak of AdamW's rate; it rises over `warmup` steps, then falls to 0 as a cosine.
        weight_decay, clip_norm: AdamW's decay and the largest norm of a gradient.
        ema: Decay of the averaged weights, which are the result.
        seed: Start of everything random.
        workers: Processes that make clips. threads: CPU threads of torch.
        save_every: Steps between checkpoints.
    """

    output: str
    steps: int
    clips_per_step: int = 4
    sides: tuple[int, ...] = (256,)
    frames: tuple[int, int] = (2, 5)
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    clip_norm: float = 1.0
    ema: float = 0.998
    seed: int = 0
    workers: int = 1
    threads: int = 2
    save_every: int = 100


def read_config(path: Path) -> TrainingConfig:
    """Read the settings of a run.

    Raises:
        ValueError: A key is unknown or missing.
    """
    content = yaml.safe_load(path.read_text())
    known = {field.name for field in fields(TrainingConfig)}
    if not isinstance(content, dict) or set(content) - known:
        unknown = sorted(set(content) - known) if isinstance(content, dict) else content
        raise ValueError(f'{path}: unknown settings {unknown}; known are {sorted(known)}')
    missing = {'output', 'steps'} - set(content)
    if missing:
        raise ValueError(f'{path}: missing settings {sorted(missing)}')
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return TrainingConfig(**{**content, **lists})
