"""What target models add to matching, on frames made by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.clue import JUMP, find_clue
from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.mask_decoder import HighResFeatures
from sam2s_model.memory_read_out import QUARTERS, CellMask
from sam2s_model.network import FrameFeatures

SIDE = 16  # cells
CHANNELS = 4
ROUNDING = 1e-3


def features() -> FrameFeatures:
    """A frame of noise that target models see as ones in the first of their channels."""
    fine = F.one_hot(torch.zeros(1, 2 * SIDE, 2 * SIDE, dtype=torch.long), CHANNELS).float().permute(0, 3, 1, 2)
    nothing = torch.zeros(1, 8, SIDE // 2, SIDE // 2)
    keys = F.normalize(torch.randn(SIDE**2, 8), dim=1)
    image = torch.zeros(1, 3, 8 * SIDE, 8 * SIDE)
    return FrameFeatures(
        image, nothing, HighResFeatures(nothing, nothing), keys.flatten(), keys=keys, appearance=(fine,)
    )


def remembered(keys: Tensor, mask: Tensor, *models: Tensor | None) -> Recall[CellMask]:
    """One prompted frame for each model, and the frame before this one."""
    quarters = mask.flatten().expand(QUARTERS, -1)

    def slot(role: Role, index: int, model: Tensor | None) -> Slot[CellMask]:
        content = CellMask(keys, quarters, None, model)
        return Slot(role, 1, FrameMemory(index, index, 1.0, True, keys.flatten(), content))

    prompted = [slot(Role.CONDITIONING, n, model) for n, model in enumerate(models)]
    return Recall((*prompted, slot(Role.SHORT_TERM, len(models), None)))


def corner() -> Tensor:
    mask = torch.zeros(SIDE, SIDE)
    mask[:4, :4] = 1
    return mask


def added(strength: float) -> Tensor:
    """(SIDE, SIDE) what a target model that sees its object everywhere, or nowhere, adds to the logits."""
    seen = features()
    assert seen.keys is not None
    keys = F.normalize(seen.keys + 0.8 * torch.randn_like(seen.keys), dim=1)
    model = torch.tensor([strength, 0, 0, 0, 0])
    with_model, without = (find_clue(seen, [remembered(keys, corner(), m)]).logits for m in (model, None))
    return F.avg_pool2d(with_model - without, 2)[0, 0]


def test_an_object_is_not_seen_far_from_where_it_was() -> None:
    more = added(2.0)
    assert (more[: 4 + JUMP, : 4 + JUMP] > 0.2).all()
    assert max(more[4 + JUMP :].max(), more[:, 4 + JUMP :].max()) < ROUNDING


def test_what_does_not_look_like_the_object_is_taken_from_it() -> None:
    less = added(-2.0)
    assert less[:4, :4].mean() < -0.2
    assert less.max() < ROUNDING


def test_models_of_several_prompted_frames_have_equal_say() -> None:
    seen = features()
    assert seen.keys is not None
    models = [torch.tensor([strength, 0, 0, 0, 0]) for strength in (1.0, 2.0)]
    twice = [models[0].add(models[1]) / 2] * 2
    recalls = [remembered(seen.keys, corner(), *m) for m in (models, twice)]
    each, mean = (find_clue(seen, [recall]).logits for recall in recalls)
    torch.testing.assert_close(each, mean)


@pytest.mark.parametrize('first', [True, False])
def test_an_object_without_a_model_is_matched_alone(first: bool) -> None:
    seen = features()
    assert seen.keys is not None
    model = torch.tensor([2.0, 0, 0, 0, 0])
    pair = [remembered(seen.keys, corner(), m) for m in ((None, model) if first else (model, None))]
    together = find_clue(seen, pair).logits
    alone = torch.cat([find_clue(seen, [recall]).logits for recall in pair])
    torch.testing.assert_close(together, alone)
