"""Put ONNX Runtime in the place of a network's four parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sam2s_model.graphs.parts import GRAPHS, replace_parts
from sam2s_model.onnx.export import FLOAT32, NOTE, GraphsNote, note_of, read_note
from sam2s_model.onnx.providers import AUTO, choose_providers, describe, runtime
from sam2s_model.onnx.session import Session
from sam2s_model.sam2s import Sam2s

MAKE = 'make them with: python -m sam2s_model.onnx'


class BadGraphs(ValueError):
    """The folder holds no graphs, or those of another network."""


def hand_over(network: Sam2s, folder: Path, provider: str = AUTO, threads: int | None = None) -> str:
    """Let ONNX Runtime compute the four parts of a network; returns what is running, in a sentence.

    Args:
        network: With its weights; those of the four parts are given up.
        folder: What `export` has written for the same weights.
        provider: One of `PROVIDERS`.
        threads: CPU threads; None leaves them to ONNX Runtime.

    Raises:
        BadGraphs: There are none in the folder, or they hold other weights.
        ValueError: The provider is not here, or the network pools its memory.
        ImportError: onnxruntime is not installed.
    """
    package = runtime()
    wanted = choose_providers(provider, package.get_available_providers())
    note = _check(network, folder)
    graphs = {name: _load(package, folder / f'{name}.onnx', wanted, threads) for name in GRAPHS}
    replace_parts(network, graphs)
    running = describe(package.__version__, wanted, [graph.providers for graph in graphs.values()])
    return running if note.encoder == FLOAT32 else f'{running}, image encoder in {note.encoder}'


def _check(network: Sam2s, folder: Path) -> GraphsNote:
    """What the folder's graphs are, if they are this network's."""
    if not (folder / NOTE).is_file():
        raise BadGraphs(f'{folder}: expected the ONNX graphs of these weights, came a folder without {NOTE}; {MAKE}')
    note = read_note(folder)
    expected = note_of(network, note.encoder)
    if note.image_size != expected.image_size:
        raise BadGraphs(f'{folder}: expected graphs for {expected.image_size} pixels, came {note.image_size}; {MAKE}')
    if note != expected:
        raise BadGraphs(f'{folder}: expected graphs of these weights, came those of others; {MAKE}')
    return note


def _load(package: Any, path: Path, providers: tuple[str, ...], threads: int | None) -> Session:
    options = package.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # As in PyTorch's case, threads that spin for each other hold up whoever else wants the core.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return Session(package.InferenceSession(str(path), options, providers=list(providers)))
