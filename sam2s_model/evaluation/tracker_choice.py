"""Which tracker to measure, and with which memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from sam2s_model.build import LITE_MEMORY, SIZES, build_tracker
from sam2s_model.evaluation.protocol import PromptKind, VideoTracker
from sam2s_model.memory_settings import MemorySettings
from sam2s_model.peers import PEERS, build_peer

# divemem: the size's own settings. sam2: the same without long-term memory. paper: every frame is one step of time.
MemoryPolicy = Literal['divemem', 'sam2', 'paper']
MEMORY_POLICIES: tuple[MemoryPolicy, ...] = get_args(MemoryPolicy)
TRACKERS = ('auto', *SIZES, *PEERS)


@dataclass(frozen=True)
class TrackerChoice:
    """What is asked for.

    Attributes:
        name: One of `TRACKERS`: a size of ours, what the checkpoint holds (auto), or a peer.
        memory: What is remembered for long.
        checkpoint, device, precision, image_size, threads: As in `build_tracker`; the peers take threads alone.
    """

    name: str = 'lite'
    memory: MemoryPolicy = 'divemem'
    checkpoint: Path | None = None
    device: str = 'auto'
    precision: str = 'auto'
    image_size: int | None = None
    threads: int | None = None

    def build(self) -> VideoTracker:
        """Build it. Raises what `build_tracker` raises."""
        if self.name in PEERS:
            return build_peer(self.name, self.threads)
        usual = LITE_MEMORY if self.name == 'lite' else MemorySettings()
        memory = None if self.memory == 'divemem' else memory_settings(self.memory, usual)
        return build_tracker(
            self.name,
            self.checkpoint,
            self.device,
            precision=self.precision,
            image_size=self.image_size,
            threads=self.threads,
            memory=memory,
        )


def memory_settings(policy: MemoryPolicy, usual: MemorySettings) -> MemorySettings:
    """The usual settings of a size, changed as the policy wants; everything but long-term memory stays the same."""
    if policy == 'sam2':
        return replace(usual, long_term=0)
    return replace(usual, candidate_interval=0.0) if policy == 'paper' else usual


def check_prompt_kind(choice: TrackerChoice, kind: PromptKind) -> None:
    """Refuse what a peer cannot be told.

    Raises:
        ValueError: It cannot make a mask of clicks.
    """
    if choice.name in PEERS and kind not in ('mask', 'box'):
        raise ValueError(f'tracker {choice.name!r} cannot turn clicks into a mask; give it --prompt mask or box')
