"""Training: losses, simulated prompts, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.training import train as training
from sam2s_model.training.clip_loss import clip_losses
from sam2s_model.training.clips import PhantomClips
from sam2s_model.training.config import TrainingConfig, read_config
from sam2s_model.training.losses import dice_loss, focal_loss, intersection_over_union
from sam2s_model.training.prompt_simulation import correct, simulate

CPU = torch.device('cpu')
CLIPS = PhantomClips(seed=1, count=100, sides=(64,), frames=(2, 3))


def test_a_perfect_mask_costs_next_to_nothing() -> None:
    target = torch.zeros(1, 1, 16, 16)
    target[..., 4:12, 4:12] = 1
    logits = (target * 2 - 1) * 20
    assert focal_loss(logits, target).item() < 1e-6
    assert dice_loss(logits, target).item() < 1e-3
    assert intersection_over_union(logits, target).item() == 1


def test_iou_is_one_where_both_are_empty_and_zero_where_they_do_not_meet() -> None:
    empty, full = torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4)
    assert intersection_over_union(empty, torch.zeros(1, 4, 4)).item() == 1
    assert intersection_over_union(empty, full).item() == 0


def test_the_focal_loss_is_that_of_retina_net_on_hard_labels() -> None:
    logits = torch.tensor([[[0.3]]])
    p = torch.sigmoid(torch.tensor(0.3))
    expected = -0.25 * (1 - p) ** 2 * torch.log(p)
    torch.testing.assert_close(focal_loss(logits, torch.ones(1, 1, 1)), expected.view(1))


def test_a_simulated_click_lies_on_its_object_and_a_box_around_it() -> None:
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 10:20, 30:50] = True
    masks[1, 40:60, 5:9] = True
    rng = np.random.default_rng(0)
    clicks = simulate(rng, 'click', masks).points[:, 0].long()
    assert all(masks[k, y, x] for k, (x, y) in enumerate(clicks.tolist()))
    (x0, y0), (x1, y1) = simulate(rng, 'box', masks).points[0].tolist()
    assert abs(x0 - 30) <= 2 and abs(x1 - 50) <= 2 and abs(y0 - 10) <= 1 and abs(y1 - 20) <= 1


def test_a_correction_is_positive_on_what_is_missed_and_negative_on_what_is_too_much() -> None:
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 16:48, 16:48] = True
    logits = torch.full((2, 1, 16, 16), -5.0)
    logits[1, 0, 4:12, 4:12] = 5.0
    correction = correct(np.random.default_rng(0), None, logits, masks)
    assert correction.labels.tolist() == [[1], [0]]
    assert correction.previous_logits is not None


def test_gradients_reach_what_learns_and_nothing_else() -> None:
    torch.manual_seed(0)
    network = MatchingSam2s(image_size=64).train()
    for head in network.mask_decoder.output_hypernetworks_mlps:
        torch.nn.init.normal_(head.layers[-1].weight, std=0.02)  # at zero, nothing before it would learn at first
    for head in (network.mask_decoder.iou_prediction_head, network.mask_decoder.pred_obj_score_head):
        torch.nn.init.normal_(head.layers[-1].weight, std=0.02)
    for index in range(8):
        for loss in clip_losses(network, CLIPS[index], CPU):
            loss.total.backward(retain_graph=True)
    silent = {name for name, p in network.named_parameters() if p.requires_grad and p.grad is None}
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert silent == set()
    assert all(name.startswith('trunk.') for name in frozen)


def test_the_same_seed_gives_the_same_loss() -> None:
    torch.manual_seed(0)
    network = MatchingSam2s(image_size=64).train()
    first, second = ([loss.total.item() for loss in clip_losses(network, CLIPS[3], CPU)] for _ in range(2))
    assert first == second


def test_training_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainingConfig(
        output=str(tmp_path / 'whole'), steps=4, clips_per_step=1, sides=(64,), frames=(2, 2), workers=0, threads=1,
        save_every=2, warmup=1,
    )  # fmt: skip
    torch.manual_seed(0)
    trunk = MatchingSam2s().trunk.state_dict()
    monkeypatch.setattr(training, 'read_lite0', lambda: trunk)
    whole = safetensors.torch.load_file(training.train(config))
    interrupted = replace(config, output=str(tmp_path / 'parts'))
    stop_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        training.train(interrupted)
    monkeypatch.undo()
    monkeypatch.setattr(training, 'read_lite0', lambda: trunk)
    parts = safetensors.torch.load_file(training.train(interrupted))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Interrupt training once the checkpoint of this step is on disk."""
    log = training._log

    def stopping(folder: Path, step: int, means: dict[str, float]) -> None:
        log(folder, step, means)
        if step == steps:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, '_log', stopping)


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'run.yaml'
    path.write_text('output: x\nsteps: 3\nlerning_rate: 1\n')
    with pytest.raises(ValueError, match='lerning_rate'):
        read_config(path)
