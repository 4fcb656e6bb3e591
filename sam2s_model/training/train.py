"""The training loop: one step after another, resumable at any saved one with the same continuation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from sam2s_model.build import AnyNetwork
from sam2s_model.compute import choose_precision
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.precision import narrow_weights
from sam2s_model.training.clip_loss import ClipOutcome, ClipRules, clip_losses
from sam2s_model.training.clips import Clip, ClipRecipe, Clips, stream
from sam2s_model.training.config import TrainingConfig
from sam2s_model.training.journal import Journal
from sam2s_model.training.losses import Losses
from sam2s_model.training.optimizer import build_optimizer, learning_rate, set_rate
from sam2s_model.training.pictures import draw_clip
from sam2s_model.training.processes import Processes, average_gradients, join_processes
from sam2s_model.training.run import Run, averaged_copy, seed_step, write_result
from sam2s_model.training.sources import open_sources
from sam2s_model.training.start import build_for_training, open_bank


@dataclass(frozen=True)
class Lesson:
    """What stays the same from step to step.

    Attributes:
        config: The settings.
        rules: How a clip becomes a loss.
        clips: The clips that this process learns from, in order.
        processes: Who else learns.
    """

    config: TrainingConfig
    rules: ClipRules
    clips: Iterator[Clip]
    processes: Processes


class Judged(NamedTuple):
    """One clip and what came of it."""

    clip: Clip
    outcome: ClipOutcome


def train(config: TrainingConfig, until: int | None = None) -> Path:
    """Train until `config.steps`, from the last checkpoint if there is one; returns the file of averaged weights.

    Args:
        config: The settings.
        until: Stop after this step, to go on another time; the result is the same.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    clips = open_clips(config)
    return train_network(build_for_training(config.network, clips), clips, config, until)


def open_clips(config: TrainingConfig) -> Clips:
    """The clips of a run."""
    recipe = ClipRecipe(open_sources(config.data), config.sides, config.frames, config.sampling, config.augmentation)
    return Clips(recipe, config.seed)


def train_network(network: AnyNetwork, clips: Clips, config: TrainingConfig, until: int | None = None) -> Path:
    """Train a network that has its first weights; see `train`."""
    processes = join_processes(config.device)
    folder = Path(config.output)
    folder.mkdir(parents=True, exist_ok=True)
    network = network.to(processes.device).train()
    network.precision = choose_precision(config.precision, processes.device, half_by_default=True)
    run = Run(network, averaged_copy(network), build_optimizer(network, config.optimizer))
    if isinstance(network, MatchingSam2s):
        narrow_weights((network.trunk,), network.precision)  # frozen: nothing is lost but the time to convert it
    run.resume(folder)
    lesson = _prepare(config, clips, processes, run.step)
    last = min(config.steps, until or config.steps)
    journal = Journal(folder, config.tensorboard) if processes.rank == 0 else None
    with tqdm(total=config.steps, initial=run.step, desc='training', unit='step', disable=journal is None) as progress:
        while run.step < last:
            values, judged = _step(run, lesson)
            progress.update()
            progress.set_postfix({name: f'{value:.3g}' for name, value in values.items()})
            if journal is not None:
                journal.note(values)
                if run.step % config.save_every == 0 or run.step == last:
                    run.save(folder)
                    write_result(run.averaged, folder, config.network.size)
                    journal.write(run.step, draw_clip(*judged))
    processes.wait()
    return folder / f'{config.network.size}.safetensors'


def _prepare(config: TrainingConfig, clips: Clips, processes: Processes, step: int) -> Lesson:
    """Begin at a step. The processes deal the clips out among themselves."""
    bank = open_bank(config.network)
    rules = ClipRules(config.prompts, config.memory, config.loss, None if bank is None else bank.to(processes.device))
    each = config.clips_per_step * processes.count
    own = range(step * each + processes.rank, config.steps * each, processes.count)
    return Lesson(config, rules, stream(clips, own, config.workers), processes)


def _step(run: Run, lesson: Lesson) -> tuple[dict[str, float], Judged]:
    """One optimiser step; returns what is worth noting, and the last clip."""
    config = lesson.config
    rate = learning_rate(config.optimizer, config.steps, run.step)
    set_rate(run.optimizer, rate)
    seed_step(config.seed, run.step, lesson.processes.rank)
    run.optimizer.zero_grad(set_to_none=True)
    losses: list[Losses] = []
    for _ in range(config.clips_per_step):
        judged = _learn(run, lesson, next(lesson.clips))
        losses += [Losses(*(term.detach() for term in one)) for one in judged.outcome.losses]
    norm = _update(run, lesson)
    return {**_means(losses, lesson), 'gradient': norm, 'rate': rate}, judged


def _learn(run: Run, lesson: Lesson, clip: Clip) -> Judged:
    """Add the gradient of one clip."""
    device = lesson.processes.device
    outcome = clip_losses(run.network, clip, lesson.rules, device)
    total = outcome.total(lesson.rules.loss)
    if total is not None and total.requires_grad:  # not where there was nothing to see
        torch.autograd.backward(total / lesson.config.clips_per_step)
    return Judged(clip, outcome)


def _update(run: Run, lesson: Lesson) -> float:
    """Move the weights against the gradient; returns its norm."""
    weights = [weight for weight in run.network.parameters() if weight.requires_grad]
    average_gradients(lesson.processes, weights)
    norm = float(nn.utils.clip_grad_norm_(weights, lesson.config.clip_norm))
    if not math.isfinite(norm):
        raise FloatingPointError(
            f'step {run.step + 1}: expected a finite gradient, came {norm}; '
            'resume from the checkpoint with a lower learning_rate, another seed, or precision=float32'
        )
    run.optimizer.step()
    run.average(lesson.config.ema)
    run.step += 1
    return norm


def _means(losses: list[Losses], lesson: Lesson) -> dict[str, float]:
    """Mean of each term, and of what is minimised, over all decodings of all processes."""
    sums = torch.zeros(len(Losses._fields) + 2, device=lesson.processes.device)
    for one in losses:
        sums += torch.stack([*one, one.total(lesson.rules.loss), torch.ones_like(one.focal)])
    *terms, count = lesson.processes.average(sums).tolist()
    return {name: term / max(count, 1e-9) for name, term in zip((*Losses._fields, 'total'), terms, strict=True)}
