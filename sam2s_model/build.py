"""Size, checkpoint, device and precision in; a ready network or tracker out."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import torch

from sam2s_model.checkpoint import (
    LITE,
    CheckpointMismatch,
    StateDict,
    load_weights,
    read_weights,
    recognise,
    semantic_dim,
)
from sam2s_model.compute import (
    AUTO,
    allow_tf32,
    choose_device,
    choose_lite_precision,
    choose_precision,
    keep_freed_memory,
)
from sam2s_model.graphs import torch_graphs
from sam2s_model.graphs.torch_graphs import COMPILED, CUDA_GRAPHS
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.onnx import backend as onnx_backend
from sam2s_model.sam2s import Sam2s
from sam2s_model.semantics import BadInstrumentBank, InstrumentBank, read_bank
from sam2s_model.sizes import HIERA_SIZES
from sam2s_model.switches import MATCHING, Switches
from sam2s_model.tracker import Tracker

TORCH, ONNXRUNTIME = 'torch', 'onnxruntime'
BACKENDS = (TORCH, COMPILED, CUDA_GRAPHS, ONNXRUNTIME)
SIZES = (LITE, *HIERA_SIZES)
SHIPPED_WEIGHTS = Path(__file__).parent / 'weights' / 'lite.safetensors'
SHIPPED_INSTRUMENTS = Path(__file__).parent / 'weights' / 'instruments.safetensors'
LITE_IMAGE_SIZE = 384  # 320 is faster and less accurate, 448 the reverse
# Matching needs no object pointers, and its time grows with the frames. What is predicted of a mask never reaches
# the 0.95 of SAM2S; above 0.85 lie 40 % of the masks of phantom videos, and of these 3 % have a true IoU below 0.5.
LITE_MEMORY = MemorySettings(
    short_term=4, short_ages=(1, 3, 7, 14), pointer_frames=0, conditioning=3, min_iou=0.85, until_absent=True
)
SAM2S_IMAGE_SIZE = 512  # SAM2S was trained and evaluated at 512 × 512

AnyNetwork: TypeAlias = MatchingSam2s | Sam2s


def build_network(
    size: str, image_size: int | None = None, switches: Switches | None = None, semantic_dim: int | None = None
) -> AnyNetwork:
    """Build a network of one of `SIZES` with fresh weights; `InstrumentBank.dim` adds the semantic branch."""
    if size == LITE:
        return MatchingSam2s(image_size or LITE_IMAGE_SIZE, semantic_dim=semantic_dim)
    _check_size(size)
    return Sam2s(HIERA_SIZES[size], image_size or SAM2S_IMAGE_SIZE, switches, semantic_dim=semantic_dim)


def build_tracker(
    size: str = LITE,
    checkpoint: str | Path | None = None,
    device: str = AUTO,
    image_size: int | None = None,
    threads: int | None = None,
    memory: MemorySettings | None = None,
    switches: Switches | None = None,
    instruments: str | Path | None = None,
    precision: str = AUTO,
    tf32: bool = False,
    backend: str = TORCH,
    graphs: str | Path | None = None,
    provider: str = AUTO,
    look_turn: int = 1,
) -> Tracker:
    """Build a tracker that is ready for its first frame. Downloads nothing.

    Args:
        size: 'lite' is shipped with weights; 'tiny', 'small', 'base_plus' and 'large' need a SAM 2 checkpoint. 'auto'
            takes the size that the checkpoint has.
        checkpoint: A .safetensors or .pt file; None takes the shipped weights of 'lite'.
        device: 'cpu', 'cuda', 'cuda:1' … or 'mps'; 'auto' takes CUDA where there is one.
        image_size: Side of the square that the network sees, in pixels; None takes the size's own.
        threads: CPU threads for torch; None leaves them as they are.
        memory: How much is remembered.
        switches: What SAM 2's own programs do differently; 'lite' knows those alone that concern its results.
        instruments: The instrument bank that the weights were trained with, for labels; None takes the shipped one.
            Weights without a semantic branch give no labels and need none.
        precision: 'float32', 'bfloat16' or 'float16', in which matrix products and convolutions compute. Qualities and
            presence are computed in float32 anyhow. float16 is meant for GPUs; on most CPUs it works, but many times
            slower than float32. 'int8' computes the trunk of 'lite' in 8-bit integers, the rest as is fastest. 'auto'
            takes that for 'lite' on CPUs with VNNI, else bfloat16 where the device is fast with it, else float32.
        tf32: CUDA may multiply float32 in TF32, which has 10 bits of mantissa; faster, and no longer equal to the last
            digit. Holds for the whole process.
        backend: What computes image encoder, memory attention, mask decoder and memory encoder of the sizes of SAM 2.1.
            'torch'; 'compiled' by torch.compile, where the first frames take minutes; 'cuda_graphs', which has never
            run; or 'onnxruntime', in float32.
        graphs: With 'onnxruntime', the folder that `python -m sam2s_model.onnx` has made of the checkpoint.
        provider: With 'onnxruntime', 'cpu', 'cuda' or 'tensorrt'; 'auto' takes CUDA where it is.
        look_turn: 'lite' reads an object's mask again, or seeks it where it is not seen, on one of so many frames
            (`second_look`); 1 is best, more is faster, 0 never does.

    Raises:
        FileNotFoundError: Checkpoint or bank do not exist, or no checkpoint was given for a size that ships none.
        CheckpointMismatch: The checkpoint holds other weights than those of this size.
        BadInstrumentBank: It is no bank, or one of another text encoder than the weights'.
        ValueError: Unknown size, device, precision, backend or provider, or an image size that the network cannot take.
        BadGraphs: The folder holds no graphs of these weights.
        ImportError: onnxruntime is not installed.
    """
    if checkpoint is None and size in HIERA_SIZES:
        raise FileNotFoundError(f'no weights are shipped for size {size!r}; give the path of a SAM 2.1 checkpoint')
    if size != AUTO:
        _check_size(size)
    chosen = choose_device(device)
    if threads:
        torch.set_num_threads(threads)
    if chosen.type == 'cuda':
        allow_tf32(tf32)
    if chosen.type == 'cpu':
        keep_freed_memory()
    path = Path(checkpoint) if checkpoint else SHIPPED_WEIGHTS
    weights = read_weights(path)
    dim = semantic_dim(weights)
    network = build_network(_size_of(weights, path, size), image_size, switches, dim)
    load_weights(network, weights, str(path))
    bank = _read_bank(Path(instruments or SHIPPED_INSTRUMENTS), dim) if dim else None
    if isinstance(network, MatchingSam2s):
        network.compute_in(choose_lite_precision(precision, chosen))
        network.look_turn = look_turn
        memory, switches = memory or LITE_MEMORY, switches or MATCHING
    else:
        network.compute_in(choose_precision(precision, chosen, half_by_default=False))
    running = f'PyTorch {torch.__version__} on {chosen}'
    if backend != TORCH:
        running = _hand_over(network.to(chosen).eval(), backend, graphs, provider, threads)
    return Tracker(network.to(chosen).eval(), chosen, memory, switches, bank, running)


def _hand_over(network: AnyNetwork, backend: str, graphs: str | Path | None, provider: str, threads: int | None) -> str:
    """Let another backend than PyTorch compute; returns what is running."""
    if backend not in BACKENDS:
        raise ValueError(f'backend: expected one of {list(BACKENDS)}, came {backend!r}')
    if not isinstance(network, Sam2s):
        raise ValueError(f'backend: expected {TORCH!r} for size {LITE!r}, which has no graphs, came {backend!r}')
    if backend != ONNXRUNTIME:
        return torch_graphs.hand_over(network, backend)
    if network.precision != torch.float32:
        raise ValueError(f'precision: expected float32 with backend {backend!r}, came {network.precision}')
    if not graphs:
        raise ValueError('graphs: expected the folder that `python -m sam2s_model.onnx` has made of the checkpoint')
    return onnx_backend.hand_over(network, Path(graphs), provider, threads)


def _read_bank(path: Path, dim: int) -> InstrumentBank:
    bank = read_bank(path)
    if bank.dim != dim:
        raise BadInstrumentBank(
            f'{path}: expected vectors of {dim} numbers, as the weights were trained with, came {bank.dim} by '
            f'{bank.encoder}; give the instrument bank of the training'
        )
    return bank


def _check_size(size: str) -> None:
    if size not in SIZES:
        raise ValueError(f'unknown model size {size!r}; expected one of {list(SIZES)}')


def _size_of(weights: StateDict, path: Path, wanted: str) -> str:
    found = recognise(weights)
    if wanted == AUTO and found.size is None:
        raise CheckpointMismatch(f'{path}: expected weights of one of the sizes {list(SIZES)}, found {found}')
    if wanted != AUTO and found.size not in (None, wanted):
        raise CheckpointMismatch(f'{path} is {found}, expected size {wanted!r}; ask for size {found.size!r} or "auto"')
    return found.size if wanted == AUTO and found.size else wanted
