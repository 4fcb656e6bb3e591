"""What is measured: one row of the benchmark each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sam2s_model.switches import Switches

DType = Literal['float32', 'bfloat16']
LITE = 'lite'
POOLED_MEMORY = 'pooled_memory'


@dataclass(frozen=True)
class Case:
    """One row of the benchmark.

    Attributes:
        model: A size of SAM 2.1, or 'lite', which has no reference.
        image_size: Side S of the model's input in pixels; the frames have the same side.
        dtype: What matrix products and convolutions compute in.
        objects: How many are tracked.
        options: What is switched on in ours that changes results, by the names of `Switches`.
    """

    model: str
    image_size: int
    dtype: DType
    objects: int
    options: tuple[str, ...] = ()

    @property
    def has_reference(self) -> bool:
        """Whether the reference implementation knows this model."""
        return self.model != LITE

    @property
    def switches(self) -> Switches:
        """What `options` asks for."""
        return Switches(pooled_memory=POOLED_MEMORY in self.options)

    def __str__(self) -> str:
        return ' '.join((f'{self.model} {self.image_size} px {self.dtype} {self.objects} objects', *self.options))


def _grid(model: str, counts: tuple[int, ...]) -> tuple[Case, ...]:
    dtypes: tuple[DType, ...] = ('float32', 'bfloat16')
    return tuple(Case(model, 512, dtype, count) for dtype in dtypes for count in counts)


QUICK = (
    Case('tiny', 512, 'float32', 1),
    Case('tiny', 512, 'bfloat16', 1),
    Case('lite', 384, 'bfloat16', 2),
)
FULL = (
    *_grid('tiny', (1, 2, 4, 8)),
    Case('tiny', 512, 'bfloat16', 8, (POOLED_MEMORY,)),
    *_grid('base_plus', (1, 2, 4, 8)),
    Case('tiny', 1024, 'float32', 1),
    Case('lite', 384, 'float32', 2),
    Case('lite', 384, 'bfloat16', 2),
)
