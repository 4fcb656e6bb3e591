"""Weights in and out: released SAM 2.1 checkpoints, and our own files. Nothing in a file is ever executed."""

from __future__ import annotations

import pickle
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

OWN_PREFIXES = ('divemem.', 'tsl.')  # what SAM2S adds to SAM 2.1; absent from released SAM 2.1 files
SHOWN = 5  # names in an error message

StateDict = dict[str, Tensor]


class CheckpointMismatch(ValueError):
    """The file holds something other than the weights of this network; the message says what."""


def read_weights(path: Path) -> StateDict:
    """Read a flat state dict from a .safetensors file, or from a .pt file as SAM 2 is released.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointMismatch: The file is not a checkpoint, or holds more than tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    content = _read_safetensors(path) if path.suffix == '.safetensors' else _read_torch(path)
    weights = content.get('model', content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointMismatch(f'{path}: expected a state dict of tensors, alone or under the key "model"')
    return weights


def _read_safetensors(path: Path) -> object:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as reason:
        raise CheckpointMismatch(f'{path}: not a readable safetensors file ({reason})') from None


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as reason:
        first_line = str(reason).split('\n')[0]
        raise CheckpointMismatch(f'{path}: not a checkpoint that holds weights alone ({first_line})') from None


def load_weights(network: nn.Module, weights: StateDict, source: str) -> None:
    """Load a state dict, strictly but for the parameters that SAM2S adds.

    Raises:
        CheckpointMismatch: Names or shapes differ; the first few are listed. The network is unchanged.
    """
    expected = network.state_dict()
    missing = sorted(name for name in expected.keys() - weights.keys() if not name.startswith(OWN_PREFIXES))
    foreign = sorted(weights.keys() - expected.keys())
    reshaped = sorted(
        f'{name} {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}'
        for name in expected.keys() & weights.keys()
        if weights[name].shape != expected[name].shape
    )
    problems = {'missing': missing, 'unknown': foreign, 'of other shape': reshaped}
    if any(problems.values()):
        listed = '; '.join(f'{len(names)} {kind}: {_some(names)}' for kind, names in problems.items() if names)
        raise CheckpointMismatch(f'{source} does not fit {type(network).__name__}. {listed}')
    network.load_state_dict(weights, strict=False)


def save_weights(network: nn.Module, path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write all weights as safetensors."""
    weights = {name: value.to(dtype).contiguous() for name, value in network.state_dict().items()}
    safetensors.torch.save_file(weights, path)


def _some(names: list[str]) -> str:
    return ', '.join(names[:SHOWN]) + (', …' if len(names) > SHOWN else '')
