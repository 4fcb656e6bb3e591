"""Training as a whole: the loop, resuming, what learns, and that something is learnt."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from training_clips import drawn_clips, small_matching, small_sam2s

from sam2s_model.build import AnyNetwork
from sam2s_model.evaluation.protocol import prompt_object
from sam2s_model.masklet import Frame
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.sam2s import Sam2s
from sam2s_model.tracker import Tracker
from sam2s_model.training import start
from sam2s_model.training.clip_memory import TrainingMemory
from sam2s_model.training.clips import Clip, Clips
from sam2s_model.training.config import TrainingConfig
from sam2s_model.training.divemem_sampling import ClipSampling
from sam2s_model.training.losses import LossSettings
from sam2s_model.training.prompt_plan import PromptSettings
from sam2s_model.training.train import train, train_network

CPU = torch.device('cpu')
Build = Callable[[], AnyNetwork]


class OneClip(Clips):
    """The same clip for ever."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    def __getitem__(self, index: int) -> Clip:
        return self._clip


def config_for(folder: Path, **changes: Any) -> TrainingConfig:
    given: dict[str, Any] = {
        'steps': 6, 'clips_per_step': 1, 'sides': (64,), 'frames': (2, 2), 'learning_rate': 1e-3, 'warmup': 2,
        'workers': 0, 'threads': 1, 'save_every': 1, 'precision': 'float32', **changes,
    }  # fmt: skip
    return TrainingConfig(output=str(folder), **given)


def read_log(folder: Path) -> list[dict[str, str]]:
    with (folder / 'log.csv').open() as log:
        return list(csv.DictReader(log))


def result(path: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


@pytest.mark.parametrize('build', [small_sam2s, small_matching])
def test_three_steps_and_three_more_are_six_steps(build: Build, tmp_path: Path) -> None:
    clips = drawn_clips(sampling=ClipSampling(divemem=0.5, consecutive=2))
    whole, parts = (config_for(tmp_path / name) for name in ('whole', 'parts'))
    expected = result(train_network(build(), clips, whole))
    train_network(build(), clips, parts, until=3)
    assert len(read_log(tmp_path / 'parts')) == 3
    got = result(train_network(build(), clips, parts))
    assert read_log(tmp_path / 'parts') == read_log(tmp_path / 'whole')
    assert all(torch.equal(expected[name], got[name]) for name in expected)


@pytest.mark.parametrize('build', [small_sam2s, small_matching])
def test_in_bfloat16_the_loss_is_nearly_the_same(build: Build, tmp_path: Path) -> None:
    for precision in ('float32', 'bfloat16'):
        train_network(build(), drawn_clips(), config_for(tmp_path / precision, steps=1, precision=precision))
    exact, rounded = (float(read_log(tmp_path / name)[0]['total']) for name in ('float32', 'bfloat16'))
    assert exact != rounded and rounded == pytest.approx(exact, rel=0.05)


def test_another_seed_drops_out_others(tmp_path: Path) -> None:
    for seed in (0, 1):
        train_network(small_sam2s(), drawn_clips(), config_for(tmp_path / str(seed), seed=seed, steps=1))
    first, second = (read_log(tmp_path / name)[0]['total'] for name in ('0', '1'))
    assert first != second


def test_the_shipped_size_starts_from_its_trunk_and_learns_from_the_phantom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = MatchingSam2s().trunk.state_dict()
    monkeypatch.setattr(start, 'read_lite0', lambda: trunk)
    monkeypatch.setattr(start, 'NORM_CLIPS', 2)
    path = train(config_for(tmp_path, steps=1))
    assert path.name == 'lite.safetensors'
    assert torch.equal(result(path)['trunk.stem.weight'], trunk['stem.weight'].half())


def test_a_published_size_needs_a_checkpoint(tmp_path: Path) -> None:
    config = config_for(tmp_path, network=start.NetworkSettings(size='tiny'))
    with pytest.raises(ValueError, match=r'network\.checkpoint: expected a SAM 2\.1 checkpoint'):
        train(config)


def test_what_is_frozen_stays_as_it_was(tmp_path: Path) -> None:
    network = small_sam2s()
    start.freeze(network, ['image_encoder.', 'sam_prompt_encoder.'])
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    train_network(network, drawn_clips(), config_for(tmp_path, steps=2))
    after = network.state_dict()
    changed = {name.split('.')[0] for name in after if not torch.equal(after[name], before[name])}
    assert 'memory_attention' in changed
    assert not {'image_encoder', 'sam_prompt_encoder'} & changed


def test_a_clip_that_reaches_nothing_that_learns_is_passed_over(tmp_path: Path) -> None:
    network = small_matching(semantic_dim=384)
    start.freeze(network, [name for name, _ in network.named_children() if name not in ('no_point', 'pe_layer')])
    config = config_for(
        tmp_path, steps=1, frames=(1, 1), network=start.NetworkSettings(instruments='shipped'),
        loss=LossSettings(semantic_weight=1.0), prompts=PromptSettings(kinds=(0, 1, 0), stray=0.0),
    )  # fmt: skip
    train_network(network, drawn_clips(frames=(1, 1)), config)
    assert float(read_log(tmp_path)[0]['dice']) > 0


def test_a_frozen_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"network.frozen: expected .*'memory_attention'.*, came 'hiera'"):
        start.freeze(small_sam2s(), ['hiera'])


def test_the_averaged_weights_lag_behind_and_without_averaging_they_do_not(tmp_path: Path) -> None:
    networks, averaged = [], []
    for ema in (0.9, 0.0):
        networks.append(small_sam2s())
        path = train_network(networks[-1], drawn_clips(), config_for(tmp_path / str(ema), steps=3, ema=ema))
        averaged.append(result(path))
    newest = [network.state_dict()['maskmem_tpos_enc'] for network in networks]
    same = [torch.equal(now, mean['maskmem_tpos_enc']) for now, mean in zip(newest, averaged, strict=True)]
    assert same == [False, True]


def test_curves_and_pictures_are_left_for_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    train_network(small_matching(), drawn_clips(), config_for(tmp_path, steps=1, tensorboard=True))
    assert list((tmp_path / 'tensorboard').iterdir())
    assert [path.name for path in (tmp_path / 'pictures').iterdir()] == ['000001.jpg']


def test_an_infinite_gradient_stops_the_run(tmp_path: Path) -> None:
    network = small_sam2s()
    with torch.no_grad():
        network.no_mem_embed.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match='step 1: expected a finite gradient'):
        train_network(network, drawn_clips(), config_for(tmp_path))


@pytest.mark.parametrize(
    ('build', 'frames', 'objects', 'steps', 'rate'),
    [(small_sam2s, 3, 1, 45, 2e-3), (small_matching, 2, 2, 140, 4e-3)],
    ids=['Sam2s', 'MatchingSam2s'],
)
def test_a_clip_can_be_over_fitted(
    build: Build, frames: int, objects: int, steps: int, rate: float, tmp_path: Path
) -> None:
    clip = drawn_clips(frames=(frames, frames), sampling=ClipSampling(objects=objects))[0]
    config = config_for(
        tmp_path, steps=steps, learning_rate=rate, warmup=15, ema=0.0, save_every=steps,
        prompts=PromptSettings(kinds=(0, 1, 0), stray=0.0), memory=TrainingMemory(true_masks=0.0),
        loss=LossSettings(stride=1),
    )  # fmt: skip
    network = build()
    if isinstance(network, MatchingSam2s):  # what looks again and what seeks learn in tests of their own
        network.look_turn = 0
        start.freeze(network, ['mask_reader', 'seeker'])
    train_network(network, OneClip(clip), config)
    assert tracked_jaccard(network, clip) > 0.95


def tracked_jaccard(network: AnyNetwork, clip: Clip) -> float:
    """Mean J of the deployed tracker on a clip, each object prompted with its box on the first frame."""
    assert isinstance(network, Sam2s | MatchingSam2s)
    tracker = Tracker(network.eval(), CPU)
    frames = [Frame(rgb, t) for t, rgb in enumerate(clip.frames)]
    for k, masks in enumerate(clip.masks):
        prompt_object(tracker, frames[0], str(k), masks[0], 'box')
    overlaps = []
    for t, frame in enumerate(frames[1:], start=1):
        found = tracker.step(frame)
        for k, masks in enumerate(clip.masks):
            overlaps.append((found[str(k)].mask & masks[t]).sum() / (found[str(k)].mask | masks[t]).sum())
    return float(np.mean(overlaps))
