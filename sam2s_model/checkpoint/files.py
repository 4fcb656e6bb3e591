"""Files of weights: .safetensors, and .pt as SAM 2 is released. Tensors alone are read, never code."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from sam2s_model.checkpoint.eight_bits import narrow, widen

StateDict = dict[str, Tensor]
WRAPPERS = ('model', 'state_dict')  # keys under which SAM 2 and other training programs keep the weights


class CheckpointMismatch(ValueError):
    """The file holds something other than the weights of this network; the message says what."""


def read_weights(path: Path) -> StateDict:
    """Read a flat state dict from a .safetensors file, or from a .pt file, there alone or beside other things.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointMismatch: The file is damaged, is no checkpoint, or holds objects that would have to be executed.
    """
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    try:
        content = safetensors.torch.load_file(path) if path.suffix == '.safetensors' else _load_tensors(path)
    except Exception as reason:  # damaged files make the readers raise almost anything
        first_line = str(reason).split('\n')[0]
        raise CheckpointMismatch(f'{path}: expected a checkpoint that holds weights alone ({first_line})') from None
    return _flat(content, path)


def save_weights(
    network: nn.Module, path: Path, dtype: torch.dtype = torch.float16, eight_bits: Collection[str] = ()
) -> None:
    """Write all weights as safetensors; what some parts multiply with in 8-bit integers."""
    weights = {name: value.to(dtype).contiguous() for name, value in network.state_dict().items()}
    safetensors.torch.save_file(narrow(weights, eight_bits), path)


def _load_tensors(path: Path) -> object:
    """`weights_only` refuses every object but tensors and plain containers, and there is no way round it here."""
    content: object = torch.load(path, map_location='cpu', weights_only=True)
    return content


def _flat(content: object, path: Path) -> StateDict:
    found = content
    for wrapper in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if isinstance(found, dict) and found and all(isinstance(value, Tensor) for value in found.values()):
        return widen({str(name): value for name, value in found.items()})
    came = sorted(map(str, found))[:8] if isinstance(found, dict) else type(found).__name__
    raise CheckpointMismatch(f'{path}: expected tensors by name, alone or under the key "model"; the file holds {came}')
