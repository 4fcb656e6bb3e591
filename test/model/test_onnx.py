"""ONNX Runtime computes what PyTorch computes from the same weights, says what is running, and refuses what is unfit.

The network is small, but has all parts of SAM 2.1 at their published widths.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sam2s_model import BoxPrompt, Frame, Tracker, build_tracker
from sam2s_model import build as build_module
from sam2s_model.graphs.parts import SLOTS, slots_for
from sam2s_model.onnx.backend import BadGraphs, hand_over
from sam2s_model.onnx.export import export, quantize_encoder
from sam2s_model.onnx.providers import CPU, CUDA, TENSORRT, choose_providers, describe
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HieraSize
from sam2s_model.switches import Switches

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

SIDE, CELLS = 64, 4
NANO = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))
FRAME_NS = 40_000_000


@pytest.fixture(scope='module')
def network() -> Sam2s:
    torch.manual_seed(0)
    made = Sam2s(NANO, SIDE).eval().requires_grad_(False)
    made.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)  # type: ignore[union-attr, operator]
    return made


@pytest.fixture(scope='module')
def graphs(network: Sam2s, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('graphs')
    export(network, folder)
    return folder


@pytest.fixture
def replaced(network: Sam2s, graphs: Path) -> Sam2s:
    made = copy.deepcopy(network)
    hand_over(made, graphs, threads=1)
    return made


def test_the_image_encoder_gives_the_same_features(network: Sam2s, replaced: Sam2s) -> None:
    image = torch.randn(1, 3, SIDE, SIDE)
    ours, theirs = network.encode_image(image, None), replaced.encode_image(image, None)
    torch.testing.assert_close(theirs.stride16, ours.stride16, rtol=0, atol=1e-4)
    for fine, same in zip(theirs.high_res, ours.high_res, strict=True):
        torch.testing.assert_close(fine, same, rtol=0, atol=1e-4)


@pytest.mark.parametrize(('frames', 'pointers'), [(1, 0), (1, 4), (5, 64), (11, 72), (20, 4)])
def test_empty_slots_of_memory_change_nothing(network: Sam2s, replaced: Sam2s, frames: int, pointers: int) -> None:
    features = torch.randn(1, 256, CELLS, CELLS)
    tokens, positions = torch.randn(2, 2, frames * CELLS**2 + pointers, 64)
    ours = network.memory_attention(features, tokens, positions, pointers)
    theirs = replaced.memory_attention(features, tokens, positions, pointers)
    torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-4)


def test_the_memory_encoder_gives_the_same_memory(network: Sam2s, replaced: Sam2s) -> None:
    features, masks = torch.randn(1, 256, CELLS, CELLS), torch.randn(2, 1, SIDE, SIDE) * 10
    torch.testing.assert_close(
        replaced.memory_encoder(features, masks), network.memory_encoder(features, masks), rtol=0, atol=1e-4
    )


def test_a_video_is_tracked_alike(network: Sam2s, replaced: Sam2s) -> None:
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (48, 80, 3), np.uint8), n * FRAME_NS) for n in range(6)]
    ours, theirs = (Tracker(made, torch.device('cpu')) for made in (network, replaced))
    for tracker in (ours, theirs):
        tracker.prompt(frames[0], 'left', BoxPrompt((5, 10, 30, 40)))
        tracker.prompt(frames[0], 'right', BoxPrompt((45, 5, 75, 30)))
    for frame in frames[1:]:
        for found, expected in zip(theirs.step(frame).objects, ours.step(frame).objects, strict=True):
            assert np.mean(found.mask != expected.mask) < 0.001
            assert found.score == pytest.approx(expected.score, abs=1e-4)


def test_an_encoder_in_int8_gives_nearly_the_same_features_and_is_told(
    network: Sam2s, graphs: Path, tmp_path: Path
) -> None:
    shutil.copytree(graphs, tmp_path, dirs_exist_ok=True)
    quantize_encoder(tmp_path)
    made, image = copy.deepcopy(network), torch.randn(1, 3, SIDE, SIDE)
    assert hand_over(made, tmp_path, threads=1).endswith(f'{CPU}, image encoder in int8')
    exact, rounded = network.encode_image(image, None).stride16, made.encode_image(image, None).stride16
    assert 1e-4 < (rounded - exact).norm() / exact.norm() < 0.05


def test_few_lengths_of_memory_occur() -> None:
    assert {slots_for(frames) for frames in range(1, 19)} == set(SLOTS)
    assert slots_for(25) == 25


def test_graphs_of_other_weights_are_refused(network: Sam2s, graphs: Path) -> None:
    other = copy.deepcopy(network)
    other.no_mem_embed.add_(1.0)
    with pytest.raises(BadGraphs, match='graphs of these weights'):
        hand_over(other, graphs)


def test_graphs_for_another_image_size_are_refused(graphs: Path) -> None:
    with pytest.raises(BadGraphs, match='for 96 pixels, came 64'):
        hand_over(Sam2s(NANO, 96), graphs)


def test_a_folder_without_graphs_is_refused_with_how_to_make_them(network: Sam2s, tmp_path: Path) -> None:
    with pytest.raises(BadGraphs, match=r'python -m sam2s_model\.onnx'):
        hand_over(copy.deepcopy(network), tmp_path)


def test_pooled_memory_is_refused(network: Sam2s, graphs: Path) -> None:
    pooled = copy.deepcopy(network)
    pooled.switches = Switches(pooled_memory=True)
    with pytest.raises(ValueError, match='pooled_memory: expected False'):
        hand_over(pooled, graphs)


def test_a_tracker_says_what_is_running(
    network: Sam2s, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(build_module.HIERA_SIZES, 'tiny', NANO)
    path = tmp_path / 'nano.safetensors'
    save_file(network.state_dict(), path)
    tracker = build_tracker('tiny', path, 'cpu', SIDE, backend='onnxruntime', graphs=graphs, provider='cpu')
    assert tracker.running.startswith('ONNX Runtime ') and tracker.running.endswith(f' on {CPU}')
    with pytest.raises(ValueError, match='precision: expected float32'):
        build_tracker('tiny', path, 'cpu', SIDE, precision='bfloat16', backend='onnxruntime', graphs=graphs)
    with pytest.raises(ValueError, match='graphs: expected the folder'):
        build_tracker('tiny', path, 'cpu', SIDE, backend='onnxruntime')


def test_by_default_pytorch_is_running() -> None:
    assert build_tracker(device='cpu').running == f'PyTorch {torch.__version__} on cpu'


def test_lite_has_no_graphs_and_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="for size 'lite'"):
        build_tracker(backend='onnxruntime', precision='float32')
    with pytest.raises(ValueError, match=r"'onnxruntime'\], came 'tensorflow'"):
        build_tracker(backend='tensorflow')


@pytest.mark.parametrize(
    ('name', 'available', 'chosen'),
    [
        ('auto', (CPU,), (CPU,)),
        ('auto', (TENSORRT, CUDA, CPU), (CUDA, CPU)),
        ('cpu', (CUDA, CPU), (CPU,)),
        ('tensorrt', (TENSORRT, CUDA, CPU), (TENSORRT, CUDA, CPU)),
    ],
)
def test_the_best_provider_that_is_here_comes_first(
    name: str, available: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert choose_providers(name, available) == chosen


def test_a_provider_that_is_not_here_is_refused() -> None:
    with pytest.raises(ValueError, match='onnxruntime-gpu'):
        choose_providers('cuda', (CPU,))
    with pytest.raises(ValueError, match="came 'npu'"):
        choose_providers('npu', (CPU,))


def test_a_session_that_fell_back_to_the_cpu_is_told() -> None:
    assert describe('1.0', (CUDA, CPU), [[CUDA, CPU], [CUDA, CPU]]) == f'ONNX Runtime 1.0 on {CUDA}'
    assert describe('1.0', (CUDA, CPU), [[CPU]]).endswith(f'on {CPU}, though {CUDA} was asked for')
