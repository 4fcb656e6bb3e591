"""All settings of a training run, read from YAML and from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sam2s_model.training.augmentation import Augmentation
from sam2s_model.training.clip_memory import TrainingMemory
from sam2s_model.training.divemem_sampling import ClipSampling
from sam2s_model.training.losses import LossSettings
from sam2s_model.training.optimizer import OptimizerSettings
from sam2s_model.training.prompt_plan import PromptSettings
from sam2s_model.training.settings_reader import InvalidSetting, build_settings
from sam2s_model.training.sources import SourceSettings
from sam2s_model.training.start import NetworkSettings, Precision

SEMANTIC_BRANCH = 'tsl'


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run. The defaults are those of the shipped small network.

    Attributes:
        output: Folder for checkpoints and logs.
        steps: Optimiser steps in all.
        clips_per_step: Clips of each process whose gradients make one step.
        sides: Sides S of the square clips in pixels, one drawn for each clip.
        frames: Fewest and most frames of a clip of consecutive frames.
        learning_rate, warmup, final_rate, weight_decay, image_encoder_rate, layer_decay: See `OptimizerSettings`.
        clip_norm: Largest norm of a gradient.
        ema: Decay of the averaged weights, which are the result; 0 makes the newest weights the result.
        seed: Start of everything random.
        workers: Processes that make clips. threads: CPU threads of torch.
        save_every: Steps between checkpoints, lines of the log, and pictures.
        device: 'auto', 'cpu', 'cuda', …
        precision: Of forward passes; 'auto' is bfloat16 where the device multiplies it in hardware.
        tensorboard: Write curves and pictures for TensorBoard, too.
        network: What is trained, and from which weights.
        data: Sources of videos by name; none means the phantom.
        sampling: Which frames of a video make a clip.
        augmentation: What is done to them.
        prompts: How a clip is prompted and corrected.
        memory: What is remembered within a clip.
        loss: What is minimised.
    """

    output: str
    steps: int
    clips_per_step: int = 4
    sides: tuple[int, ...] = (256,)
    frames: tuple[int, int] = (2, 5)
    learning_rate: float = 1e-3
    warmup: int = 100
    final_rate: float = 0.0
    weight_decay: float = 0.02
    image_encoder_rate: float = 1.0
    layer_decay: float = 1.0
    clip_norm: float = 1.0
    ema: float = 0.998
    seed: int = 0
    workers: int = 1
    threads: int = 2
    save_every: int = 100
    device: str = 'cpu'
    precision: Precision = 'auto'
    tensorboard: bool = False
    network: NetworkSettings = field(default_factory=NetworkSettings)
    data: dict[str, SourceSettings] = field(default_factory=dict)
    sampling: ClipSampling = field(default_factory=ClipSampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    memory: TrainingMemory = field(default_factory=TrainingMemory)
    loss: LossSettings = field(default_factory=LossSettings)

    def __post_init__(self) -> None:
        for name in ('steps', 'clips_per_step', 'save_every', 'threads'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name}: expected at least 1, came {getattr(self, name)}')
        if not 1 <= self.frames[0] <= self.frames[1]:
            raise ValueError(f'frames: expected 1 ≤ fewest ≤ most, came {self.frames}')
        if not self.sides or any(side % 32 or side < 32 for side in self.sides):
            raise ValueError(f'sides: expected multiples of 32, came {self.sides}')
        if not 0 <= self.ema < 1:
            raise ValueError(f'ema: expected a decay in [0, 1), came {self.ema}')
        taught = bool(self.network.instruments) and SEMANTIC_BRANCH not in self.network.frozen
        if bool(self.loss.semantic_weight) != taught:
            raise ValueError(
                'loss.semantic_weight: expected together with network.instruments or both left out, unless '
                f'network.frozen names {SEMANTIC_BRANCH!r}; came {self.loss.semantic_weight} and '
                f'{self.network.instruments!r}'
            )

    @property
    def optimizer(self) -> OptimizerSettings:
        """What AdamW is given."""
        return OptimizerSettings(
            self.learning_rate,
            self.warmup,
            self.final_rate,
            self.weight_decay,
            self.image_encoder_rate,
            self.layer_decay,
        )


def read_config(path: Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Read the settings of a run, with some changed: `seed=3`, `loss.ambiguity=true`.

    Raises:
        InvalidSetting: A key is unknown or missing, or its value cannot be used.
    """
    content = read_yaml(path)
    for override in overrides:
        change(content, override)
    try:
        return build_settings(TrainingConfig, content)
    except InvalidSetting as problem:
        raise InvalidSetting(f'{path}: {problem}') from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The content of a YAML file that holds keys with values."""
    content = yaml.safe_load(path.read_text())
    if not isinstance(content, dict):
        raise InvalidSetting(f'{path}: expected keys with values, came {content!r}')
    return content


def change(content: dict[str, Any], override: str) -> None:
    """Put the value of `key.key=value` into nested settings; the value is read as YAML."""
    path, equals, value = override.partition('=')
    *outer, last = path.split('.')
    if not equals or not last:
        raise InvalidSetting(f'{override}: expected key=value, came no key or no value')
    for key in outer:
        inner = content.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InvalidSetting(f'{override}: expected keys below {key!r}, came {inner!r}')
        content = inner
    content[last] = yaml.safe_load(value)
