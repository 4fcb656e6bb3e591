"""Rates and decays of the groups of weights, and the rate over the steps."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from training_clips import small_sam2s

from sam2s_model.training.optimizer import OptimizerSettings, build_optimizer, learning_rate, rate_share, set_rate

SAM2 = OptimizerSettings(
    learning_rate=1e-5, warmup=0, final_rate=0.1, weight_decay=0.1, image_encoder_rate=0.6, layer_decay=0.9
)
LAYERS = 5  # patches and four blocks, as in `small_sam2s`
TRUNK = 'image_encoder.trunk.'


@pytest.mark.parametrize(
    ('name', 'share'),
    [
        ('memory_attention.norm.weight', 1.0),
        ('image_encoder.neck.convs.0.conv.weight', 0.6),
        (f'{TRUNK}blocks.3.norm1.weight', 0.6 * 0.9),
        (f'{TRUNK}blocks.0.norm1.weight', 0.6 * 0.9**4),
        (f'{TRUNK}patch_embed.proj.weight', 0.6 * 0.9**5),
        (f'{TRUNK}pos_embed', 0.6),
        (f'{TRUNK}pos_embed_window', 0.6),
        ('prompt_reader.trunk.stages.0.0.expand.conv.weight', 0.6),
        ('prompt_reader.trunk.point.weight', 1.0),
    ],
)
def test_the_deeper_a_layer_the_slower_it_learns_but_for_positions(name: str, share: float) -> None:
    assert rate_share(name, LAYERS, SAM2) == pytest.approx(share)


def test_every_weight_is_in_one_group_and_biases_and_norms_do_not_decay() -> None:
    network = small_sam2s()
    optimizer = build_optimizer(network, SAM2)
    grouped = [id(weight) for group in optimizer.param_groups for weight in group['params']]
    assert sorted(grouped) == sorted(id(weight) for weight in network.parameters())
    for group in optimizer.param_groups:
        assert all(weight.ndim > 1 for weight in group['params']) == (group['weight_decay'] > 0)


def test_every_group_gets_its_share_of_the_rate() -> None:
    optimizer = build_optimizer(small_sam2s(), SAM2)
    set_rate(optimizer, 2.0)
    assert {round(group['lr'], 4) for group in optimizer.param_groups} == {
        2.0, 1.2, *(round(1.2 * 0.9**depth, 4) for depth in range(1, 6))
    }  # fmt: skip


def test_the_rate_falls_as_half_a_cosine_to_its_last_share() -> None:
    rates = [learning_rate(SAM2, 100, step) for step in range(101)]
    assert rates[0] == pytest.approx(1e-5) and rates[50] == pytest.approx(0.55e-5) and rates[100] == pytest.approx(1e-6)
    assert all(a > b for a, b in pairwise(rates))


def test_the_rate_rises_while_it_warms_up() -> None:
    settings = OptimizerSettings(learning_rate=1.0, warmup=4)
    assert [learning_rate(settings, 100, step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_network_without_anything_to_learn_is_refused() -> None:
    with pytest.raises(ValueError, match='expected weights that learn'):
        build_optimizer(torch.nn.Linear(2, 2).requires_grad_(False), SAM2)
