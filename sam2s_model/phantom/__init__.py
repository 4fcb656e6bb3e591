"""Phantom: procedural endoscopy. Videos of instruments and other things on living tissue, with exact masks."""

from sam2s_model.phantom.config import PRESETS, PhantomConfig, preset
from sam2s_model.phantom.folder import contact_sheet, write_folder
from sam2s_model.phantom.video import PhantomVideo, generate, masklets, training_clip

__all__ = [
    'PRESETS',
    'PhantomConfig',
    'PhantomVideo',
    'contact_sheet',
    'generate',
    'masklets',
    'preset',
    'training_clip',
    'write_folder',
]
