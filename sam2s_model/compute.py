"""Where the network computes and in which number type: names in, torch's own terms out. `build` asks, nobody else."""

from __future__ import annotations

import ctypes

import torch

AUTO = 'auto'
INT8 = 'int8'
PRECISIONS = (AUTO, 'float32', 'bfloat16', 'float16', INT8)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # numbers of malloc.h
LARGEST_KEPT = 32 << 20  # bytes of one tensor; older versions of glibc allow no more
MOST_KEPT = 256 << 20  # bytes in all
FIRST_WITH_BFLOAT16 = (8, 0)  # compute capability of NVIDIA's Ampere


def choose_device(name: str) -> torch.device:
    """Turn 'auto' into CUDA where there is one, else the CPU; check any other name.

    Raises:
        ValueError: No such device, or none that torch can use here.
    """
    if name == AUTO:
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    kind, colon, number = name.partition(':')
    if kind not in ('cpu', 'cuda', 'mps') or (colon and not number.isdecimal()):
        raise ValueError(f'device: expected "auto", "cpu", "cuda", "cuda:1" … or "mps", came {name!r}')
    if kind == 'cuda':
        _check_cuda(name, int(number or 0))
    if kind == 'mps' and not torch.backends.mps.is_available():
        raise ValueError(
            f'device: expected one that is here, came {name!r}, but torch finds no MPS; use "auto" or "cpu"'
        )
    return torch.device(name)


def _check_cuda(name: str, number: int) -> None:
    if not torch.cuda.is_available():
        reason = 'torch finds no CUDA device' if torch.version.cuda else 'this torch was built without CUDA'
        raise ValueError(f'device: expected one that is here, came {name!r}, but {reason}; use "auto" or "cpu"')
    count = torch.cuda.device_count()
    if number >= count:
        raise ValueError(f'device: expected "cuda:0" to "cuda:{count - 1}", came {name!r}; torch finds {count}')


def missing_gpu() -> str:
    """Why 'auto' takes the CPU though torch was built for a GPU; empty where it takes one, or knows of none."""
    if not torch.version.cuda or torch.cuda.is_available():
        return ''
    return f'torch was built for CUDA {torch.version.cuda}, but finds no device that its driver can use'


def choose_precision(name: str, device: torch.device, half_by_default: bool) -> torch.dtype:
    """Turn 'auto' into bfloat16 where the network is meant for it and the device is fast with it, else float32.

    Raises:
        ValueError: None of `PRECISIONS`, or one that is for tracking with `lite` alone.
    """
    if name not in PRECISIONS:
        raise ValueError(f'precision: expected one of {list(PRECISIONS)}, came {name!r}')
    if name == INT8:
        raise ValueError('precision: int8 is for size "lite" on a CPU of x86-64 whose torch has oneDNN; use "auto"')
    if name == AUTO:
        return torch.bfloat16 if half_by_default and has_fast_bfloat16(device) else torch.float32
    chosen: torch.dtype = getattr(torch, name)
    return chosen


def choose_lite_precision(name: str, device: torch.device) -> torch.dtype:
    """The same for tracking with `lite`, which is made for 8-bit integers, too; 'auto' takes them where they are fast.

    Raises:
        ValueError: None of `PRECISIONS`, or 8-bit integers where there are no kernels for them.
    """
    are_fast = bool(torch.cpu.get_capabilities().get('avx512_vnni'))
    if has_int8(device) and (name == INT8 or (name == AUTO and are_fast)):
        return torch.int8
    return choose_precision(name, device, half_by_default=True)


def has_int8(device: torch.device) -> bool:
    """Whether torch has oneDNN's kernels for 8-bit integers here; without VNNI they compute, but slowly."""
    is_x86 = torch.cpu.get_capabilities().get('architecture') == 'x86_64'
    return device.type == 'cpu' and is_x86 and hasattr(torch.ops.onednn, 'qlinear_pointwise')


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is multiplied in hardware; where it is not, float32 is faster."""
    if device.type == 'cuda':
        return torch.cuda.get_device_capability(device) >= FIRST_WITH_BFLOAT16
    if device.type != 'cpu':
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get('avx512_bf16') or able.get('amx_bf16') or able.get('bf16'))


def allow_tf32(allowed: bool) -> None:
    """Let CUDA multiply float32 with 10 bits of mantissa, or not; for this process, and for whoever else uses torch."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def keep_freed_memory() -> None:
    """Have glibc keep what tensors on the CPU give back, for the next ones; for this process.

    Otherwise it returns every map of some megabytes to the kernel, and takes it back page by page: a third of the time
    that lite takes for an image.
    """
    adjust = getattr(ctypes.CDLL(None), 'mallopt', None)
    if adjust is not None:
        adjust(M_MMAP_THRESHOLD, LARGEST_KEPT)
        adjust(M_TRIM_THRESHOLD, MOST_KEPT)


def held_memory() -> int:
    """Bytes of GPU memory that this process holds, unused parts included; 0 while it uses no GPU."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return sum(torch.cuda.memory_reserved(number) for number in range(torch.cuda.device_count()))
    return torch.mps.driver_allocated_memory() if torch.backends.mps.is_available() else 0


def release_memory() -> None:
    """Give GPU memory that no tensor uses back to others."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def used_threads() -> int:
    """CPU threads that torch computes with."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Compute with so many CPU threads from now on; to be called in the thread that computes."""
    torch.set_num_threads(count)
