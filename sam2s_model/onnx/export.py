"""Write a network's four graphs to a folder, with a note of which weights they hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from sam2s_model.graphs.four_graphs import Graph, graphs_of
from sam2s_model.sam2s import Sam2s

FLOAT32, INT8 = 'float32', 'int8'
ENCODERS = (FLOAT32, INT8)
OPSET = 18
NOTE = 'graphs.json'


@dataclass(frozen=True)
class GraphsNote:
    """What graphs were exported from.

    Attributes:
        image_size: Side S of the network's input.
        weights_sha256: Of the names and values of all weights.
        encoder: One of `ENCODERS`, what the image encoder multiplies.
    """

    image_size: int
    weights_sha256: str
    encoder: str = FLOAT32


def export(network: Sam2s, folder: Path) -> None:
    """Write four .onnx files and `NOTE`. Needs the packages onnx and onnxscript (extra `onnx`)."""
    folder.mkdir(parents=True, exist_ok=True)
    for graph in graphs_of(network.float().cpu().eval()):
        _write(graph, folder / f'{graph.name}.onnx')
    _take_note(folder, note_of(network))


def quantize_encoder(folder: Path) -> None:
    """Let the image encoder of a folder multiply 8-bit integers: smaller and faster, and not the same masks.

    Weights are rounded channel by channel, what they are multiplied with is scaled as it comes. Needs onnxruntime.
    """
    from onnxruntime.quantization import quantize_dynamic

    rounded = folder / 'image_encoder.onnx'
    exact = rounded.rename(folder / 'image_encoder.float32.onnx')
    quantize_dynamic(exact, rounded, op_types_to_quantize=['MatMul'], per_channel=True)
    exact.unlink()
    _take_note(folder, replace(read_note(folder), encoder=INT8))


def read_note(folder: Path) -> GraphsNote:
    """What the graphs of a folder were exported from."""
    return GraphsNote(**json.loads((folder / NOTE).read_text(encoding='utf-8')))


def _take_note(folder: Path, note: GraphsNote) -> None:
    (folder / NOTE).write_text(json.dumps(asdict(note), indent=2) + '\n', encoding='utf-8')


def note_of(network: Sam2s, encoder: str = FLOAT32) -> GraphsNote:
    """What a network's graphs would be noted as."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return GraphsNote(network.image_size, digest.hexdigest(), encoder)


def _write(graph: Graph, path: Path) -> None:
    dimensions = {name: torch.export.Dim(name) for axes in graph.varying.values() for name in axes.values()}
    shapes = tuple(
        {axis: dimensions[name] for axis, name in graph.varying.get(given, {}).items()} for given in graph.inputs
    )
    torch.onnx.export(
        graph.module,
        tuple(graph.inputs.values()),
        path,
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        dynamic_shapes=shapes,
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
