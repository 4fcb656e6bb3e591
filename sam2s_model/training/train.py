"""The training loop: resumable at any saved step with the same continuation."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from sam2s_model.build import has_fast_bfloat16
from sam2s_model.checkpoint import save_weights
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.training.clip_loss import clip_losses
from sam2s_model.training.clips import Clip, PhantomClips, stream
from sam2s_model.training.config import TrainingConfig
from sam2s_model.training.import_trunk import read_lite0
from sam2s_model.training.losses import Losses

NORM_CLIPS = 24  # clips from which the statistics of the trunk's maps are taken


@dataclass
class Run:
    """All that changes while training, and so all that is saved."""

    network: MatchingSam2s
    averaged: MatchingSam2s
    optimizer: torch.optim.AdamW
    step: int = 0


def train(config: TrainingConfig) -> Path:
    """Train until `config.steps`, from the last checkpoint if there is one; returns the file of averaged weights."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    folder = Path(config.output)
    folder.mkdir(parents=True, exist_ok=True)
    clips = PhantomClips(config.seed, config.steps * config.clips_per_step, config.sides, config.frames)
    run = _start(config, clips)
    _resume(run, folder / 'last.pt')
    source = stream(clips, run.step * config.clips_per_step, config.workers)
    with tqdm(total=config.steps, initial=run.step, desc='training', unit='step', smoothing=0.05) as progress:
        while run.step < config.steps:
            means = _step(run, config, source)
            progress.update()
            progress.set_postfix({name: f'{value:.3f}' for name, value in means.items()})
            if run.step % config.save_every == 0 or run.step == config.steps:
                _save(run, folder)
                _log(folder, run.step, means)
    return folder / 'lite.safetensors'


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Rate of a step: linear warm-up, then half a cosine down to 0."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _start(config: TrainingConfig, clips: PhantomClips) -> Run:
    network = MatchingSam2s()
    network.trunk.load_state_dict(read_lite0())
    network.fit_tap_norms(_some_images(clips))
    network.half_precision = has_fast_bfloat16()
    network.train()
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    return Run(network, averaged, _optimizer(network, config))


def _some_images(clips: PhantomClips) -> torch.Tensor:
    frames = [torch.from_numpy(clips[index].frames[0]).permute(2, 0, 1) for index in range(min(NORM_CLIPS, len(clips)))]
    smallest = min(frame.shape[-1] for frame in frames)
    return torch.stack([frame[:, :smallest, :smallest] for frame in frames]).float() / 127.5 - 1


def _optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    learnt = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {'params': [p for p in learnt if p.ndim > 1], 'weight_decay': config.weight_decay},
        {'params': [p for p in learnt if p.ndim <= 1], 'weight_decay': 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _step(run: Run, config: TrainingConfig, source: Iterator[Clip]) -> dict[str, float]:
    """One optimiser step; returns the mean of each loss."""
    for group in run.optimizer.param_groups:
        group['lr'] = learning_rate(config, run.step)
    run.optimizer.zero_grad(set_to_none=True)
    judged: list[Losses] = []
    for _ in range(config.clips_per_step):
        losses = clip_losses(run.network, next(source), torch.device('cpu'))
        total = torch.stack([loss.total for loss in losses]).mean() if losses else None
        if total is not None:
            torch.autograd.backward(total / config.clips_per_step)
        judged += [Losses(*(term.detach() for term in loss)) for loss in losses]
    nn.utils.clip_grad_norm_(run.network.parameters(), config.clip_norm)
    run.optimizer.step()
    _average(run, config.ema)
    run.step += 1
    return {
        name: float(torch.stack(terms).mean())
        for name, terms in zip(Losses._fields, zip(*judged, strict=True), strict=True)
    }


@torch.no_grad()
def _average(run: Run, decay: float) -> None:
    decay = min(decay, (1 + run.step) / (10 + run.step))
    for mean, now in zip(run.averaged.parameters(), run.network.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)


def _save(run: Run, folder: Path) -> None:
    state = {
        'step': run.step,
        'network': run.network.state_dict(),
        'averaged': run.averaged.state_dict(),
        'optimizer': run.optimizer.state_dict(),
    }
    temporary = folder / 'last.tmp'
    torch.save(state, temporary)
    temporary.replace(folder / 'last.pt')
    save_weights(run.averaged, folder / 'lite.safetensors')


def _resume(run: Run, path: Path) -> None:
    if not path.is_file():
        return
    state = torch.load(path, weights_only=True)
    run.step = state['step']
    run.network.load_state_dict(state['network'])
    run.averaged.load_state_dict(state['averaged'])
    run.optimizer.load_state_dict(state['optimizer'])


def _log(folder: Path, step: int, means: dict[str, float]) -> None:
    with (folder / 'log.csv').open('a') as log:
        log.write(','.join([str(step), *(f'{value:.5f}' for value in means.values())]) + '\n')
