"""How much is remembered, and what for long: the numbers of SAM 2 and SAM2S, and what these leave open.

"ReSurgSAM2" below is the published code of an earlier tracker by authors of SAM2S (MICCAI 2025), its nearest public
relative.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemorySettings:
    """Sizes and rules of one object's memory.

    Attributes:
        short_term: Number of latest frames, unfiltered (SAM 2, SAM2S section 3: 6). `Sam2s` has embeddings for 6.
        short_stride: Seconds between short-term frames; the previous frame is always among them. 0 takes every frame
            (SAM 2). SAM 2's own stride counts frames; ours counts time, since cameras differ.
        short_ages: How many frames ago short-term frames were seen, instead of the latest `short_term` frames: spread
            out, as many frames reach further back, and one wrong mask does not fill them all. Empty is SAM 2.
        pointer_frames: Number of latest frames whose object pointer is kept (SAM 2: 15).
        conditioning: At most this many prompted frames; the earliest one, SAM2S's initial memory, always stays. SAM 2
            keeps all of them, which grows with every correction.
        long_term: Capacity N_l of the long-term queue (SAM2S: 4). 0 is SAM 2.
        buffer_size: Candidates among which one is chosen, Δ (SAM2S: 5).
        min_iou: A candidate's predicted IoU must be above this, γ_iou (SAM2S: 0.95).
        candidate_interval: Least time between two candidates in seconds. SAM2S was evaluated on about one frame a
            second; at 25 frames a second consecutive frames would all be alike. 0 takes every frame.
        consecutive: A frame that fails the test empties the candidate buffer (SAM2S, "Δ consecutive frames"); otherwise
            it is only passed over (ReSurgSAM2).
        until_absent: From the first frame without the object on, nothing more is chosen until the object is prompted
            again: what comes back may be another of its kind. Not in SAM2S.
        initial_counts: N_l includes the initial memory. SAM2S's wording allows both; ours is the first reading,
            "queue … while permanently retaining l0".
        long_pointers: Long-term frames lend their object pointers, too. The paper does not say; ReSurgSAM2 has none.
    """

    short_term: int = 6
    short_stride: float = 0.0
    short_ages: tuple[int, ...] = ()
    pointer_frames: int = 15
    conditioning: int = 8
    long_term: int = 4
    buffer_size: int = 5
    min_iou: float = 0.95
    candidate_interval: float = 1.0
    consecutive: bool = True
    until_absent: bool = False
    initial_counts: bool = False
    long_pointers: bool = False

    @property
    def recent_frames(self) -> int:
        """Latest frames that have to be kept."""
        return max(self.short_term, self.pointer_frames, *self.short_ages)

    @property
    def long_term_capacity(self) -> int:
        """Frames that DiveMem may choose, beside the initial one."""
        return max(self.long_term - self.initial_counts, 0)


SAM2 = MemorySettings(long_term=0)  # no long-term memory at all
PAPER = MemorySettings(candidate_interval=0.0)  # SAM2S as evaluated: every frame of the benchmark is one step
