"""Phantom: procedural endoscopy. Videos of instruments and other things on living tissue, with exact masks."""

from sam2s_model.phantom.benchmark_sets import BENCHMARK_SETS, BenchmarkClip, BenchmarkSet, benchmark_clips
from sam2s_model.phantom.config import PRESETS, PhantomConfig, preset
from sam2s_model.phantom.folder import contact_sheet, write_folder
from sam2s_model.phantom.video import PhantomVideo, generate, masklets, training_clip

__all__ = [
    'BENCHMARK_SETS',
    'PRESETS',
    'BenchmarkClip',
    'BenchmarkSet',
    'PhantomConfig',
    'PhantomVideo',
    'benchmark_clips',
    'contact_sheet',
    'generate',
    'masklets',
    'preset',
    'training_clip',
    'write_folder',
]
