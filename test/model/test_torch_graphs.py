"""The compiler and CUDA graphs find the masks that the network finds by itself.

The compiler's front end is tried here, with all four graphs; what it hands on to is tried with one of them, since it
takes its time. The network is small, but has all parts of SAM 2.1 at their published widths.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sam2s_model import BoxPrompt, Frame, Tracker, build_tracker
from sam2s_model import build as build_module
from sam2s_model.graphs.four_graphs import graphs_of
from sam2s_model.graphs.parts import GRAPHS, replace_parts
from sam2s_model.graphs.torch_graphs import CompiledGraph, RecordedGraph, hand_over
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HieraSize
from sam2s_model.switches import Switches

SIDE = 64
NANO = HieraSize(embed_dim=8, heads=1, blocks=(1, 1, 1, 1), global_blocks=(2,))
FRAME_NS = 40_000_000


@pytest.fixture(scope='module')
def network() -> Sam2s:
    torch.manual_seed(0)
    made = Sam2s(NANO, SIDE).eval().requires_grad_(False)
    made.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)  # type: ignore[union-attr, operator]
    return made


def assert_tracked_alike(network: Sam2s, other: Sam2s, device: str = 'cpu') -> None:
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (48, 80, 3), np.uint8), n * FRAME_NS) for n in range(6)]
    trackers = [Tracker(made, torch.device(device)) for made in (network, other)]
    for tracker in trackers:
        tracker.prompt(frames[0], 'left', BoxPrompt((5, 10, 30, 40)))
        tracker.prompt(frames[0], 'right', BoxPrompt((45, 5, 75, 30)))
    for frame in frames[1:]:
        ours, theirs = (tracker.step(frame).objects for tracker in trackers)
        for found, expected in zip(theirs, ours, strict=True):
            assert np.mean(found.mask != expected.mask) < 0.001
            assert found.score == pytest.approx(expected.score, abs=1e-4)


def test_the_compiler_takes_all_four_graphs_whole(network: Sam2s) -> None:
    compiled = copy.deepcopy(network)
    graphs = {graph.name: CompiledGraph(graph.module, compiler='eager') for graph in graphs_of(compiled)}
    assert set(graphs) == set(GRAPHS)
    replace_parts(compiled, graphs)
    assert_tracked_alike(network, compiled)


def test_compiled_code_computes_what_the_module_computes(network: Sam2s) -> None:
    (memory_encoder,) = (graph for graph in graphs_of(network) if graph.name == 'memory_encoder')
    given = [torch.randn(example.shape) for example in memory_encoder.inputs.values()]
    with torch.inference_mode():
        (found,) = CompiledGraph(memory_encoder.module)(*given)
        torch.testing.assert_close(found, memory_encoder.module(*given), rtol=0, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='torch finds no CUDA device')
def test_recorded_kernels_find_the_same_masks(network: Sam2s) -> None:
    plain, recorded = (copy.deepcopy(network).cuda() for _ in range(2))
    hand_over(recorded, 'cuda_graphs')
    assert isinstance(recorded.memory_encoder._graph, RecordedGraph)
    assert_tracked_alike(plain, recorded, 'cuda')


def test_a_tracker_says_that_it_is_compiled(network: Sam2s, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build_module.HIERA_SIZES, 'tiny', NANO)
    path = tmp_path / 'nano.safetensors'
    save_file(network.state_dict(), path)
    tracker = build_tracker('tiny', path, 'cpu', SIDE, backend='compiled')
    assert tracker.running == f'PyTorch {torch.__version__} on cpu, compiled'


def test_cuda_graphs_want_cuda(network: Sam2s) -> None:
    with pytest.raises(ValueError, match="expected a CUDA device with 'cuda_graphs', came cpu"):
        hand_over(copy.deepcopy(network), 'cuda_graphs')


def test_graphs_read_memory_whole(network: Sam2s) -> None:
    pooled = copy.deepcopy(network)
    pooled.switches = Switches(pooled_memory=True)
    with pytest.raises(ValueError, match='pooled_memory: expected False'):
        hand_over(pooled, 'compiled')
