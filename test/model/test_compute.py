"""Device, precision and TF32: names are checked, and 'auto' takes what is fast here."""

from __future__ import annotations

import platform
import resource
from collections.abc import Iterator

import pytest
import torch

from sam2s_model import build_tracker
from sam2s_model.compute import (
    allow_tf32,
    choose_device,
    choose_lite_precision,
    choose_precision,
    has_fast_bfloat16,
    keep_freed_memory,
    missing_gpu,
)

CPU, CUDA = torch.device('cpu'), torch.device('cuda')


def pretend_cuda(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (8, 0)) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)


@pytest.mark.parametrize(('count', 'expected'), [(0, 'cpu'), (1, 'cuda')])
def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch, count: int, expected: str) -> None:
    pretend_cuda(monkeypatch, count)
    assert choose_device('auto').type == expected


@pytest.mark.parametrize('name', ['gpu', 'cuda:', 'cuda:x', 'cuda:-1', 'xpu', '', 'CUDA'])
def test_an_unknown_device_hears_which_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=f'expected "auto", "cpu", "cuda", "cuda:1" … or "mps", came {name!r}'):
        choose_device(name)


def test_without_cuda_the_error_says_so_and_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, 0)
    with pytest.raises(ValueError, match=r"came 'cuda:1', but .*CUDA.*; use \"auto\" or \"cpu\""):
        choose_device('cuda:1')


def test_a_cuda_device_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, 2)
    assert choose_device('cuda:1') == torch.device('cuda:1')
    with pytest.raises(ValueError, match=r'expected "cuda:0" to "cuda:1", came \'cuda:2\'; torch finds 2'):
        choose_device('cuda:2')


def test_without_mps_the_error_says_so_and_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, 'is_available', lambda: False)
    with pytest.raises(ValueError, match=r"came 'mps', but torch finds no MPS; use \"auto\" or \"cpu\""):
        choose_device('mps')


@pytest.mark.parametrize(
    ('able', 'half_by_default', 'expected'),
    [
        ({'avx512_bf16': True}, True, torch.bfloat16),
        ({'avx512_bf16': True}, False, torch.float32),
        ({'avx2': True}, True, torch.float32),
    ],
    ids=['fast', 'fast, but not meant for it', 'slow'],
)
def test_auto_takes_bfloat16_where_it_is_fast_and_wanted(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], half_by_default: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: able)
    assert choose_precision('auto', CPU, half_by_default) == expected


@pytest.mark.parametrize(
    ('name', 'able', 'expected'),
    [
        ('auto', {'avx512_vnni': True, 'avx512_bf16': True, 'architecture': 'x86_64'}, torch.int8),
        ('auto', {'avx512_bf16': True, 'architecture': 'x86_64'}, torch.bfloat16),
        ('bfloat16', {'avx512_vnni': True, 'architecture': 'x86_64'}, torch.bfloat16),
        ('int8', {'avx2': True, 'architecture': 'x86_64'}, torch.int8),
    ],
    ids=['fast', 'slow', 'not asked for', 'slow, but asked for'],
)
def test_lite_takes_integers_where_they_are_fast_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str, able: dict[str, bool | str], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: able)
    assert choose_lite_precision(name, CPU) == expected


def test_integers_are_for_cpus() -> None:
    with pytest.raises(ValueError, match=r'int8 is for size "lite" on a CPU'):
        choose_lite_precision('int8', CUDA)


@pytest.mark.parametrize(('capability', 'fast'), [((7, 5), False), ((8, 0), True), ((9, 0), True)], ids=str)
def test_gpus_from_ampere_on_are_fast_with_bfloat16(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fast: bool
) -> None:
    pretend_cuda(monkeypatch, 1, capability)
    assert has_fast_bfloat16(CUDA) is fast


@pytest.mark.parametrize('name', ['float32', 'bfloat16', 'float16'])
def test_a_precision_that_is_named_is_taken(name: str) -> None:
    assert choose_precision(name, CPU, half_by_default=True) == getattr(torch, name)


def test_an_unknown_precision_hears_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"expected one of \['auto', 'float32', .*'int8'\], came 'int4'"):
        build_tracker(device='cpu', precision='int4')


@pytest.fixture
def tf32_as_before() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize('allowed', [True, False])
def test_tf32_is_chosen_for_products_and_convolutions(tf32_as_before: None, allowed: bool) -> None:
    allow_tf32(allowed)
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (allowed, allowed)


def test_a_gpu_that_torch_was_built_for_and_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.version, 'cuda', None)
    assert missing_gpu() == ''
    monkeypatch.setattr(torch.version, 'cuda', '12.8')
    assert missing_gpu() == 'torch was built for CUDA 12.8, but finds no device that its driver can use'


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc is told')
def test_freed_memory_is_kept_for_the_next_tensor() -> None:
    keep_freed_memory()
    faults = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(2 << 20)  # 8 MB, 2048 pages
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert faults[-1] < 1000
