"""Where ONNX Runtime computes: what is asked for, what it can do here, and what it then really uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CPU, CUDA, TENSORRT = 'CPUExecutionProvider', 'CUDAExecutionProvider', 'TensorrtExecutionProvider'
AUTO = 'auto'
WANTED = {'cpu': (CPU,), 'cuda': (CUDA, CPU), 'tensorrt': (TENSORRT, CUDA, CPU)}
PROVIDERS = (AUTO, *WANTED)
INSTALL = 'pip install onnxruntime, or onnxruntime-gpu where there is an NVIDIA GPU'


def choose_providers(name: str, available: Sequence[str]) -> tuple[str, ...]:
    """The providers to try, the best first; what one cannot compute, the next one does.

    Args:
        name: One of `PROVIDERS`; 'auto' takes CUDA where it is, else the CPU. Never TensorRT, which takes minutes to
            start.
        available: What this ONNX Runtime was built with.

    Raises:
        ValueError: No such provider, or this ONNX Runtime has it not.
    """
    if name not in PROVIDERS:
        raise ValueError(f'provider: expected one of {list(PROVIDERS)}, came {name!r}')
    if name == AUTO:
        name = 'cuda' if CUDA in available else 'cpu'
    wanted = WANTED[name]
    if wanted[0] not in available:
        raise ValueError(f'provider: expected one that is here, {list(available)}, came {name!r}; {INSTALL}')
    return tuple(provider for provider in wanted if provider in available)


def runtime() -> Any:
    """The package onnxruntime.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f'backend onnxruntime: {error}; {INSTALL}') from error
    return onnxruntime


def describe(version: str, wanted: Sequence[str], used: Sequence[Sequence[str]]) -> str:
    """What is running, in a sentence, from the providers that each session ended up with."""
    first = sorted({providers[0] for providers in used})
    text = f'ONNX Runtime {version} on {", ".join(first)}'
    return text if first == [wanted[0]] else f'{text}, though {wanted[0]} was asked for'
