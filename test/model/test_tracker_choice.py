"""Which memory a choice means."""

from __future__ import annotations

from sam2s_model.build import LITE_MEMORY
from sam2s_model.evaluation.tracker_choice import memory_settings
from sam2s_model.memory_settings import PAPER, SAM2, MemorySettings


def test_the_policies_of_full_sizes_are_the_presets() -> None:
    assert memory_settings('sam2', MemorySettings()) == SAM2
    assert memory_settings('paper', MemorySettings()) == PAPER
    assert memory_settings('divemem', MemorySettings()) == MemorySettings()


def test_vanilla_memory_differs_in_the_long_term_alone() -> None:
    vanilla = memory_settings('sam2', LITE_MEMORY)
    assert vanilla.long_term == 0
    assert (vanilla.short_term, vanilla.conditioning) == (LITE_MEMORY.short_term, LITE_MEMORY.conditioning)
