"""What a device may do in the middle of work, by names that callers can act on without knowing torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

OUT_OF_MEMORY_SIGNS = ('out of memory', 'ALLOC_FAILED', "can't allocate memory")
CUDA_SIGN = 'CUDA error'


class OutOfMemory(MemoryError):
    """Memory of the device, or of the machine, did not suffice. With less to do at once it may."""


class DeviceLost(RuntimeError):
    """The GPU does not answer this process any more; only a new process can use it."""


class NotFinite(ArithmeticError):
    """The network returned something that is no number."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that memory did not suffice; CPU and cuBLAS have no exception of their own for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY_SIGNS)


def is_device_lost(error: BaseException) -> bool:
    """Whether torch says that the GPU failed. After that every call fails, whatever it asks for."""
    accelerator_error = getattr(torch, 'AcceleratorError', ())  # since torch 2.8
    return isinstance(error, accelerator_error) or (isinstance(error, RuntimeError) and CUDA_SIGN in str(error))


@contextmanager
def named_device_faults() -> Iterator[None]:
    """Raise `OutOfMemory` and `DeviceLost` for what torch says of them in many ways."""
    try:
        yield
    except (OutOfMemory, DeviceLost):
        raise
    except Exception as error:
        text = f'{type(error).__name__}: {error}'
        if is_out_of_memory(error):
            # Its traceback holds the tensors that have to go.
            raise OutOfMemory(text) from error.with_traceback(None)
        if is_device_lost(error):
            raise DeviceLost(text) from error
        raise
