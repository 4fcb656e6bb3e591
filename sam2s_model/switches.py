"""What programs around the same SAM 2.1 weights do differently, and what SAM2S leaves open about the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Switches:
    """Choices that change results but no SAM 2.1 weight; "SAM 2" is the code of the release of December 2024.

    Attributes:
        stability_fallback: An unstable single mask is replaced by the best of the others (SAM 2, video predictor with
            post-processing: dynamic multimask, margin 0.05, threshold 0.98).
        binarize_prompted: A prompted frame's mask is remembered sharp (SAM 2, video predictor with post-processing).
        bfloat16_memory: Memory features are kept in bfloat16, as SAM 2 does even where it computes in float32. Half
            the memory.
        pooled_memory: Memory attention reads 2×2 cells of a tracked frame as one, their mean, which counts fourfold
            (EfficientTAM, without its training); prompted frames stay whole. Faster, and not the same masks; see
            docs/benchmark.md.
        fill_hole_area: Background of up to this many cells at stride 4 within a mask becomes object (SAM 2, video
            predictor with post-processing: 8). SAM 2 leaves this out, without saying so, where its CUDA extension is
            not compiled.
        non_overlap: Each pixel of a result belongs to one object at most (SAM 2, VOS benchmark script for objects that
            share a file). Memory keeps the masks as they were; in SAM 2, too, as it tracks objects one by one.
        follow_edges: Results are drawn anew by a guided filter of the frame's colours (`guided_filter`), at twice the
            resolution; memory keeps the masks as they were. SAM 2 does no such thing; `lite` does.
        contest: Where objects that are tracked together claim the same cell, it is the surest one's, in memory, too
            (`contest`); parts that were prompted as such may share. SAM 2 tracks objects one by one; `lite` does this.
        embedding: What DiveMem compares frames by, E(f) in SAM2S Eq. 2. 'map': all cells of the stride-16 features as
            one vector, the literal reading; 'pooled': their mean; 'cells': as 'map', but every cell counts the same,
            so that the cosine is the mean of the cells' cosines.
        long_embeddings: Temporal embeddings of long-term memory (SAM2S, "learnable"; how many is not said). 1 is shared
            by all long-term frames; more are given to them in turn, from the oldest, and the last one to the rest.
    """

    stability_fallback: bool = False
    binarize_prompted: bool = False
    bfloat16_memory: bool = True
    pooled_memory: bool = False
    fill_hole_area: int = 0
    non_overlap: bool = False
    follow_edges: bool = False
    contest: bool = False
    embedding: Literal['map', 'pooled', 'cells'] = 'map'
    long_embeddings: int = 1


RELEASED_PREDICTOR = Switches(stability_fallback=True, binarize_prompted=True, fill_hole_area=8)
VOS_BENCHMARK = Switches(non_overlap=True)
MATCHING = Switches(follow_edges=True, contest=True)
