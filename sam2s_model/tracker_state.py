"""All that a tracker remembers as bytes, so that another one can go on from there, to the last bit.

The bytes are a safetensors file: tensors, and in its metadata how they hang together. Reading it builds objects of the
classes below and of no others; nothing of the file is run.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from sam2s_model.divemem import DiveMemFilter
from sam2s_model.frame_memory import FrameMemory
from sam2s_model.memory_bank import MemoryBank
from sam2s_model.memory_read_out import CellMask
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.memory_tokens import EncodedMemory
from sam2s_model.object_track import Clicks, ObjectTrack, Segmentation
from sam2s_model.prompt_reader import Looks, Reference
from sam2s_model.semantics import ClassEvidence
from sam2s_model.stream_basis import StreamBasis
from sam2s_model.target_model import Lesson

REMEMBERED = {
    kind.__name__: kind
    for kind in (
        CellMask,
        ClassEvidence,
        Clicks,
        DiveMemFilter,
        EncodedMemory,
        FrameMemory,
        Lesson,
        Looks,
        MemoryBank,
        MemorySettings,
        ObjectTrack,
        Reference,
        Segmentation,
        StreamBasis,
    )
}
FORM = 'sam2s tracker state 9'


class BadTrackerState(ValueError):
    """The bytes hold no state of a tracker, or one of another version."""


def pack(state: Any) -> bytes:
    """Write down a value made of plain values, containers, tensors and objects of the classes `REMEMBERED`."""
    packer = _Packer()
    tree = packer.plain(state)
    return bytes(save(packer.tensors, {'state': json.dumps({'form': FORM, 'tree': tree})}))


def unpack(data: bytes, device: torch.device) -> Any:
    """Read what `pack` wrote; tensors come to `device`.

    Raises:
        BadTrackerState: It is something else.
    """
    try:
        length = int.from_bytes(data[:8], 'little')
        state = json.loads(json.loads(data[8 : 8 + length])['__metadata__']['state'])
        if state['form'] != FORM:
            raise ValueError(state['form'])
        tensors = {name: tensor.to(device) for name, tensor in load(data).items()}
        return _Unpacker(tensors).value(state['tree'])
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadTrackerState(f'expected {FORM!r}, came {error!r}; track again from the beginning') from error


class _Packer:
    """Turns values into what JSON knows, and collects the tensors in them, each once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._alive: list[Tensor] = []  # an address tells tensors apart only while all of them live

    def plain(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, np.ndarray):
            return {'array': self._tensor(torch.from_numpy(np.ascontiguousarray(value)))}
        if type(value).__name__ in REMEMBERED:
            fields: dict[str, Any] = value._asdict() if hasattr(value, '_asdict') else vars(value)
            return {type(value).__name__: [[name, self.plain(field)] for name, field in fields.items()]}
        return self._container(value)

    def _container(self, value: Any) -> Any:
        if isinstance(value, dict):
            pairs = [[self.plain(key), self.plain(item)] for key, item in value.items()]
            return {'ordered' if isinstance(value, OrderedDict) else 'dict': pairs}
        if isinstance(value, deque):
            return {'deque': [value.maxlen, [self.plain(item) for item in value]]}
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.plain(item) for item in value]}
        raise TypeError(f'expected one of {sorted(REMEMBERED)}, came {type(value).__name__}; add it there')

    def _tensor(self, tensor: Tensor) -> Any:
        # In the order in which it lies in memory: kernels add up in another order where it lies differently.
        strides = tensor.stride()
        order = sorted(range(tensor.dim()), key=lambda axis: -strides[axis])
        key = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), strides)
        if key not in self._known:
            self._alive.append(tensor)
            self._known[key] = str(len(self._known))
            self.tensors[self._known[key]] = tensor.detach().permute(order).contiguous().clone()
        return {'tensor': [self._known[key], order]}


class _Unpacker:
    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        self._readers: dict[str, Callable[[Any], Any]] = {
            'tensor': self._tensor,
            'array': lambda content: self.value(content).cpu().numpy(),
            'dict': self._pairs,
            'ordered': lambda content: OrderedDict(self._pairs(content)),
            'deque': lambda content: deque(map(self.value, content[1]), maxlen=content[0]),
            'tuple': lambda content: tuple(map(self.value, content)),
            'list': lambda content: list(map(self.value, content)),
        }

    def value(self, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        ((kind, content),) = plain.items()
        return self._readers[kind](content) if kind in self._readers else self._object(REMEMBERED[kind], content)

    def _pairs(self, content: Any) -> dict[Any, Any]:
        return {self.value(key): self.value(item) for key, item in content}

    def _tensor(self, content: Any) -> Tensor:
        name, order = content
        return self._tensors[name].permute([order.index(axis) for axis in range(len(order))])

    def _object(self, kind: type, content: Any) -> Any:
        fields = {name: self.value(field) for name, field in content}
        if issubclass(kind, tuple):
            return kind(**fields)
        built = object.__new__(kind)
        built.__dict__.update(fields)
        return built
