"""SAM2S: prompt an instrument or tissue once, keep its mask through the whole surgery. Knows PyTorch, not ROS."""

from sam2s_model.benchmark.foreign_cpu import ForeignCpu
from sam2s_model.build import SHIPPED_WEIGHTS, SIZES, build_tracker
from sam2s_model.checkpoint import CheckpointMismatch
from sam2s_model.compute import PRECISIONS, held_memory, missing_gpu, release_memory, use_threads, used_threads
from sam2s_model.device_faults import DeviceLost, NotFinite, OutOfMemory
from sam2s_model.masklet import Frame, FrameResult, Label, Masklet, ObjectMask
from sam2s_model.prompt import (
    BoxPrompt,
    InvalidPrompt,
    MaskPrompt,
    PointPrompt,
    Prompt,
    PromptOutsideImage,
    check_prompt,
)
from sam2s_model.tracker import FrameNotTracked, Tracker, UnknownObject
from sam2s_model.tracker_state import BadTrackerState

__all__ = [
    'PRECISIONS',
    'SHIPPED_WEIGHTS',
    'SIZES',
    'BadTrackerState',
    'BoxPrompt',
    'CheckpointMismatch',
    'DeviceLost',
    'ForeignCpu',
    'Frame',
    'FrameNotTracked',
    'FrameResult',
    'InvalidPrompt',
    'Label',
    'MaskPrompt',
    'Masklet',
    'NotFinite',
    'ObjectMask',
    'OutOfMemory',
    'PointPrompt',
    'Prompt',
    'PromptOutsideImage',
    'Tracker',
    'UnknownObject',
    'build_tracker',
    'check_prompt',
    'held_memory',
    'missing_gpu',
    'release_memory',
    'use_threads',
    'used_threads',
]
