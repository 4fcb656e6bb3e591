"""A graph that ONNX Runtime has loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Session:
    """A graph that is loaded, asked with tensors and answering with tensors on the device of the first."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._names = [given.name for given in session.get_inputs()]

    @property
    def providers(self) -> list[str]:
        """What it computes on, the first choice first."""
        providers: list[str] = self._session.get_providers()
        return providers

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        given = {
            name: tensor.detach().float().cpu().contiguous().numpy()
            for name, tensor in zip(self._names, tensors, strict=True)
        }
        return [torch.from_numpy(answer).to(tensors[0].device) for answer in self._session.run(None, given)]
