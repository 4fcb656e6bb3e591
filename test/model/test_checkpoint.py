"""Checkpoints: what is read, recognised, loaded, filled in, left over and refused."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sam2s_model import CheckpointMismatch, build_tracker
from sam2s_model.build import build_network
from sam2s_model.checkpoint import load_weights, plan_loading, read_weights, recognise, save_weights
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import Switches

ONLY_IN_21 = ('no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias')

# Of the released SAM 2.1 files.
TENSORS = {'tiny': 471, 'small': 519, 'base_plus': 615, 'large': 903}
NUMBERS = {'tiny': 38_962_498, 'small': 46_060_354, 'base_plus': 80_850_178, 'large': 224_446_642}
POSITION_MATRIX = 'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'


def network_without_storage(size: str, switches: Switches | None = None) -> Sam2s:
    with torch.device('meta'):
        network = build_network(size, switches=switches)
    assert isinstance(network, Sam2s)
    return network


def released(size: str, release: str = '2.1') -> dict[str, Tensor]:
    """A state dict like the released ones, all ones, almost without storage."""
    shapes = {name: value.shape for name, value in network_without_storage(size).state_dict().items()}
    absent = ('divemem.long_tpos', *(ONLY_IN_21 if release == '2.0' else ()))
    return {name: torch.ones(1).expand(shape) for name, shape in shapes.items() if name not in absent}


def file_of(weights: object, folder: Path, name: str = 'weights.pt') -> Path:
    torch.save(weights, folder / name)
    return folder / name


@pytest.mark.parametrize('size', HIERA_SIZES)
def test_the_network_has_as_many_weights_as_the_released_one(size: str) -> None:
    weights = released(size)
    assert len(weights) == TENSORS[size]
    assert sum(w.numel() for name, w in weights.items() if name != POSITION_MATRIX) == NUMBERS[size]


@pytest.mark.parametrize('release', ['2.0', '2.1'])
@pytest.mark.parametrize('size', HIERA_SIZES)
def test_size_and_release_are_told_by_names_and_shapes(size: str, release: str) -> None:
    weights = released(size, release)
    assert str(recognise(weights)) == f'SAM {release} {size}'
    assert plan_loading(network_without_storage(size), weights).fits


def test_the_shipped_weights_are_recognised() -> None:
    assert str(recognise(build_network('lite').state_dict())) == 'lite'


def test_something_else_is_unknown() -> None:
    assert recognise({'layer.weight': torch.ones(3)}).size is None


@pytest.mark.parametrize('wrapped', ['alone', 'model', 'state_dict'])
def test_weights_are_read_from_a_pt_file_alone_or_beside_other_things(tmp_path: Path, wrapped: str) -> None:
    weights = {'a': torch.arange(3.0)}
    content = weights if wrapped == 'alone' else {wrapped: weights, 'epoch': 3}
    assert torch.equal(read_weights(file_of(content, tmp_path))['a'], weights['a'])


def test_our_own_files_come_back_as_they_were(tmp_path: Path) -> None:
    network, twin = build_network('lite'), build_network('lite')
    save_weights(network, tmp_path / 'own.safetensors', torch.float32)
    plan = load_weights(twin, read_weights(tmp_path / 'own.safetensors'), 'own.safetensors')
    assert (plan.filled, plan.unknown) == ({}, ())
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), twin.state_dict().values(), strict=True)
    )


def test_parts_in_eight_bits_are_half_as_large_and_almost_the_same(tmp_path: Path) -> None:
    network, path = nn.ModuleDict({'a': nn.Conv2d(64, 64, 3), 'b': nn.Linear(64, 64)}), tmp_path / 'own.safetensors'
    save_weights(network, path, torch.float32)
    whole = path.stat().st_size
    save_weights(network, path, torch.float32, eight_bits=['a'])
    assert path.stat().st_size < whole / 3
    weights, true = read_weights(path), network.state_dict()
    assert weights.keys() == true.keys()
    largest = true['a.weight'].flatten(1).abs().amax(1).view(-1, 1, 1, 1)
    assert ((weights['a.weight'] - true['a.weight']).abs() <= largest / 253).all()
    assert all(torch.equal(weights[name], true[name]) for name in ('a.bias', 'b.weight', 'b.bias'))
    twice = tmp_path / 'twice.safetensors'
    network.load_state_dict(weights)
    save_weights(network, twice, torch.float32, eight_bits=['a'])
    assert all(torch.allclose(value, weights[name], rtol=1e-6) for name, value in read_weights(twice).items())


def test_the_long_term_embedding_starts_as_the_conditioning_one(tmp_path: Path) -> None:
    weights = released('tiny')
    weights['maskmem_tpos_enc'] = torch.arange(7.0).view(7, 1, 1, 1).expand(7, 1, 1, 64)
    plan = plan_loading(network_without_storage('tiny', Switches(long_embeddings=3)), weights)
    assert plan.weights['divemem.long_tpos'].shape == (3, 1, 1, 64)
    assert (plan.weights['divemem.long_tpos'] == 6).all()
    assert list(plan.filled) == ['divemem.long_tpos']


def test_a_long_term_embedding_in_the_file_is_kept() -> None:
    weights = {**released('tiny'), 'divemem.long_tpos': torch.full((1, 1, 1, 64), 5.0)}
    plan = plan_loading(network_without_storage('tiny'), weights)
    assert (plan.weights['divemem.long_tpos'] == 5).all()
    assert str(plan.kind) == 'SAM2S tiny'


def test_what_sam_2_0_lacks_is_zero() -> None:
    plan = plan_loading(network_without_storage('tiny'), released('tiny', '2.0'))
    assert not any(plan.weights[name].any() for name in ONLY_IN_21)
    assert {*ONLY_IN_21} < plan.filled.keys()


def test_a_file_between_2_0_and_2_1_is_refused() -> None:
    weights = released('tiny')
    del weights['no_obj_embed_spatial']
    plan = plan_loading(network_without_storage('tiny'), weights)
    assert (plan.fits, plan.missing) == (False, ('no_obj_embed_spatial',))


def test_unknown_weights_of_a_published_file_are_returned_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    network = build_network('tiny', 64)
    weights = {**network.state_dict(), 'slm.gate.weight': torch.ones(2), 'cls_token': torch.ones(1)}
    with caplog.at_level(logging.WARNING):
        plan = load_weights(network, weights, 'surgslot.pt')
    assert plan.unknown == ('cls_token', 'slm.gate.weight')
    assert 'surgslot.pt: 2 unknown weights are not used: cls_token, slm.gate.weight' in caplog.text


def test_a_mismatch_names_file_expected_and_found() -> None:
    network = build_network('tiny', 64)
    weights = network.state_dict()
    del weights['no_mem_embed']
    weights['maskmem_tpos_enc'] = torch.ones(8, 1, 1, 64)
    before = network.maskmem_tpos_enc.clone()
    with pytest.raises(CheckpointMismatch) as error:
        load_weights(network, weights, 'odd.pt')
    message = str(error.value)
    assert 'odd.pt is SAM2S tiny and does not fit Sam2s' in message
    assert '1 missing: no_mem_embed' in message
    assert 'maskmem_tpos_enc (8, 1, 1, 64) instead of (7, 1, 1, 64)' in message
    assert torch.equal(network.maskmem_tpos_enc, before)


def test_a_wrong_size_is_named_with_the_right_one(tmp_path: Path) -> None:
    path = file_of({'model': released('small')}, tmp_path)
    with pytest.raises(CheckpointMismatch, match=r"is SAM 2\.1 small, expected size 'tiny'; ask for size 'small'"):
        build_tracker('tiny', path, device='cpu')


def test_size_auto_is_that_of_the_checkpoint(tmp_path: Path) -> None:
    save_weights(build_network('lite'), tmp_path / 'own.safetensors')
    assert build_tracker('auto', tmp_path / 'own.safetensors', device='cpu').object_ids == ()
    with pytest.raises(CheckpointMismatch, match='expected weights of one of the sizes'):
        build_tracker('auto', file_of({'a': torch.ones(1)}, tmp_path), device='cpu')


class CreatesAFile:
    """Unpickled, it would create a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize('name', ['weights.pt', 'weights.pth', 'weights.safetensors'])
@pytest.mark.parametrize('form', ['torch', 'pickle'])
def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path: Path, form: str, name: str) -> None:
    trace, path = tmp_path / 'trace', tmp_path / name
    payload = {'model': {'weight': CreatesAFile(trace)}}
    if form == 'torch':
        torch.save(payload, path)
    else:
        path.write_bytes(pickle.dumps(payload))
    with pytest.raises(CheckpointMismatch, match='expected a checkpoint that holds weights alone'):
        read_weights(path)
    assert not trace.exists()


def test_the_hostile_pickle_is_a_real_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(CreatesAFile(tmp_path / 'trace')))
    assert (tmp_path / 'trace').exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), suffix=st.sampled_from(['.pt', '.safetensors']))
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f'damaged{suffix}'
    path.write_bytes(content)
    with pytest.raises(CheckpointMismatch, match='damaged'):
        read_weights(path)


def test_a_file_without_weights_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r"tensors by name.*holds \['epoch', 'loss'\]"):
        read_weights(file_of({'epoch': 1, 'loss': 0.5}, tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pt does not exist'):
        read_weights(tmp_path / 'nowhere.pt')


def inspect(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'sam2s_model.checkpoint', 'inspect', str(path)]
    return subprocess.run(command, capture_output=True, text=True)


def test_inspecting_a_file_says_what_it_is_and_what_would_load(tmp_path: Path) -> None:
    weights = {**released('tiny', '2.0'), 'slm.gate': torch.ones(1)}
    shown = inspect(file_of({'model': weights}, tmp_path))
    lines = [tuple(line.split(maxsplit=1)) for line in shown.stdout.splitlines()]
    assert ('kind', 'SAM 2.0 tiny') in lines
    assert ('loads', "yes, as size 'tiny': 468 tensors") in lines
    assert ('unknown', 'slm.gate') in lines
    assert ('filled', 'no_obj_embed_spatial: zero, as in SAM 2.0') in lines
    assert len(dict(lines)['sha256']) == 64


def test_inspecting_an_unreadable_file_fails_with_the_reason(tmp_path: Path) -> None:
    safetensors.torch.save_file({'a': torch.ones(1)}, tmp_path / 'odd.safetensors')
    assert 'loads     no: neither' in inspect(tmp_path / 'odd.safetensors').stdout
    refused = inspect(tmp_path / 'nowhere.pt')
    assert (refused.returncode, 'does not exist' in refused.stderr) == (1, True)
