"""The tracker that the parameters ask for, and where its weights are from. Importing this loads PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from sam2s_model import SHIPPED_WEIGHTS, CheckpointMismatch, Frame, Tracker, build_tracker, missing_gpu
from sam2s_ros.health import ModelSource
from sam2s_ros.parameters import ModelParameters
from sam2s_ros.tracking_session import StreamTracker


@dataclass(frozen=True)
class LoadedModel:
    """A tracker that is ready for its first image.

    Attributes:
        degradations: Why it is less than was asked for, one sentence each.
        prepare: Does what can be done for a frame before its turn; from any thread.
        look_ahead: The same for the frame after the one that is tracked, and more of it; None where there is no more.
    """

    tracker: StreamTracker
    source: ModelSource
    degradations: tuple[str, ...] = ()
    prepare: Callable[[Frame], Frame] = lambda frame: frame
    look_ahead: Callable[[Frame], Frame] | None = None


def load_model(model: ModelParameters) -> LoadedModel:
    """Build the tracker that the parameters ask for.

    Raises:
        FileNotFoundError, CheckpointMismatch, ValueError: See `sam2s_model.build_tracker`.
        CheckpointMismatch: Also when the file has another hash than ``model.sha256``.
    """
    checkpoint = Path(model.checkpoint) if model.checkpoint else SHIPPED_WEIGHTS
    digest = _sha256_of(checkpoint) if checkpoint.is_file() else ''
    if digest and model.sha256 and digest != model.sha256.lower():
        raise CheckpointMismatch(
            f'{checkpoint}: expected the SHA-256 {model.sha256}, came {digest}; the file is not the one that was meant'
        )
    tracker = _build(model)
    source = ModelSource(model.size, model.device, checkpoint.name, digest, tracker.running)
    look_ahead = tracker.look_ahead if tracker.looks_ahead else None
    return LoadedModel(tracker, source, _degradations(model), tracker.prepare, look_ahead)


def _degradations(model: ModelParameters) -> tuple[str, ...]:
    reason = missing_gpu() if model.device == 'auto' else ''
    return (f'tracking on the CPU: {reason}; set model.device to cpu where that is meant',) if reason else ()


def _build(model: ModelParameters) -> Tracker:
    """Build in a thread that then ends.

    OpenMP gives every thread that computes a team of its own; as soon as there are more threads in teams than cores,
    all sleep between any two operations, and tracking takes twice as long.
    """
    cv2.setNumThreads(1)  # OpenCV's own threads would wait for work on the cores that the network needs
    with ThreadPoolExecutor(1, thread_name_prefix='loading') as thread:
        return thread.submit(
            build_tracker,
            size=model.size,
            checkpoint=model.checkpoint or None,
            device=model.device,
            precision=model.precision,
            tf32=model.tf32,
            image_size=model.image_size or None,
            threads=model.threads or None,
            instruments=model.instruments or None,
            backend=model.backend,
            graphs=model.graphs or None,
            provider=model.provider,
            look_turn=model.look_turn,
        ).result()


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
