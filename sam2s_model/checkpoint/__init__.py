"""Weights in and out: released SAM 2 checkpoints, published SAM2S ones, and our own. Nothing in a file is executed."""

from sam2s_model.checkpoint.files import CheckpointMismatch, StateDict, read_weights, save_weights
from sam2s_model.checkpoint.loading import LoadPlan, load_weights, plan_loading
from sam2s_model.checkpoint.recognition import LITE, CheckpointKind, recognise, semantic_dim

__all__ = [
    'LITE',
    'CheckpointKind',
    'CheckpointMismatch',
    'LoadPlan',
    'StateDict',
    'load_weights',
    'plan_loading',
    'read_weights',
    'recognise',
    'save_weights',
    'semantic_dim',
]
