"""torch's own ways to compute a graph: its compiler, and CUDA graphs, which replay what was recorded once.

Both want few shapes. The first call with a new one takes long; nothing is compiled beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sam2s_model.graphs.four_graphs import graphs_of
from sam2s_model.graphs.parts import Compute, replace_parts
from sam2s_model.sam2s import Sam2s

COMPILED, CUDA_GRAPHS = 'compiled', 'cuda_graphs'
SHAPES = 64  # of one graph's inputs that the compiler may see before it gives up
WARM_UP = 3  # calls before kernels are recorded: libraries choose their kernels in the first ones


def hand_over(network: Sam2s, backend: str) -> str:
    """Let the four parts of a network on its device be compiled or recorded; returns what is running, in a sentence.

    Raises:
        ValueError: CUDA graphs without CUDA, or a network that pools its memory.
    """
    device = network.no_mem_embed.device
    if backend == CUDA_GRAPHS and device.type != 'cuda':
        raise ValueError(f'backend: expected a CUDA device with {CUDA_GRAPHS!r}, came {device}')
    way: Callable[[nn.Module], Compute] = CompiledGraph if backend == COMPILED else RecordedGraph
    replace_parts(network, {graph.name: way(graph.module.to(device).eval()) for graph in graphs_of(network)})
    return f'PyTorch {torch.__version__} on {device}, {backend.replace("_", " ")}'


class CompiledGraph:
    """Compiled by torch.compile, once for each shape of its inputs."""

    def __init__(self, module: nn.Module, compiler: str = 'inductor') -> None:
        self._compute: Any = torch.compile(module, fullgraph=True, dynamic=False, backend=compiler)

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        with torch._dynamo.config.patch(recompile_limit=SHAPES):
            return _as_sequence(self._compute(*tensors))


@dataclass(frozen=True)
class Recording:
    """Kernels with the tensors that they read and write."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: Sequence[Tensor]


class RecordedGraph:
    """Replays the kernels of a module, recorded once for each shape of its inputs. Has never run: there was no GPU."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._recordings: dict[tuple[object, ...], Recording] = {}

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        shape = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if shape not in self._recordings:
            self._recordings[shape] = self._record(tensors)
        recording = self._recordings[shape]
        for kept, given in zip(recording.inputs, tensors, strict=True):
            kept.copy_(given)
        recording.graph.replay()
        return [output.clone() for output in recording.outputs]  # the next replay writes into them

    def _record(self, tensors: Sequence[Tensor]) -> Recording:
        inputs = tuple(tensor.clone() for tensor in tensors)
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._module(*inputs)
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = _as_sequence(self._module(*inputs))
        return Recording(graph, inputs, outputs)


def _as_sequence(outputs: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return (outputs,) if isinstance(outputs, Tensor) else outputs
