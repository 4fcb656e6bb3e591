"""Searches: which objects are sought in the whole frame, what the seeker sees, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from looked_at import CELLS, SIDE, logits_of, remembered, tracked
from torch import nn

from sam2s_model import Frame, MaskPrompt, Tracker
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.network import NO_OBJECT_LOGIT, MaskOutput
from sam2s_model.training.losses import intersection_over_union

BOXES = (8, 8, 72, 72), (100, 100, 180, 200), (40, 150, 90, 250)


@pytest.fixture
def network(draw_weights: Callable[[nn.Module, int], None]) -> MatchingSam2s:
    """A network with random weights whose searches find everything everywhere."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32)
    draw_weights(network, 0)
    finds(network, quality=0.9)
    return network.eval()


def finds(network: MatchingSam2s, quality: float, mask_logit: float = 100.0) -> None:
    """Let whatever the network seeks have a mask of one logit and a quality."""
    last = network.seeker.quality.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, torch.logit(torch.tensor(quality)).item())
    nn.init.constant_(network.seeker.leave.bias, mask_logit)


def lost(*numbers: int) -> MaskOutput:
    """The objects of BOXES, some of which are not seen."""
    logits, score = logits_of(*BOXES), torch.ones(len(BOXES))
    logits[list(numbers)], score[list(numbers)] = NO_OBJECT_LOGIT, -3.0
    return tracked(logits)._replace(object_score=score)


@torch.no_grad()
def seek(network: MatchingSam2s, output: MaskOutput, *numbers: int) -> MaskOutput:
    image = torch.rand(1, 3, SIDE, SIDE)
    return network.seek(image, remembered(network, image, logits_of(*BOXES)), output, numbers)


def shown(output: MaskOutput) -> list[bool]:
    return (output.mask_logits > 0).flatten(1).any(1).tolist()


def test_those_out_of_sight_whose_turn_it_is_are_sought(network: MatchingSam2s) -> None:
    before = lost(1, 2)
    after = seek(network, before, 0, 1)
    assert shown(after) == [True, True, False]
    assert torch.equal(after.mask_logits[[0, 2]], before.mask_logits[[0, 2]])
    assert float(after.object_score[1]) > 0 and float(after.iou[1]) == pytest.approx(0.9)


@pytest.mark.parametrize(('quality', 'mask_logit'), [(0.3, 100.0), (0.9, -100.0)])
def test_what_is_not_good_or_empty_is_not_found(network: MatchingSam2s, quality: float, mask_logit: float) -> None:
    finds(network, quality, mask_logit)
    before = lost(1)
    after = seek(network, before, 0, 1, 2)
    assert torch.equal(after.mask_logits, before.mask_logits)
    assert torch.equal(after.object_score, before.object_score)


def test_what_could_not_be_seen_when_it_was_prompted_is_not_sought(network: MatchingSam2s) -> None:
    image, nothing = torch.rand(1, 3, SIDE, SIDE), logits_of((0, 0, 0, 0))
    before = tracked(torch.full_like(nothing, NO_OBJECT_LOGIT))
    with torch.no_grad():
        assert network.seek(image, remembered(network, image, nothing), before, [0]) is before


def test_objects_that_are_sought_together_are_read_as_each_alone(network: MatchingSam2s) -> None:
    image, output = torch.rand(1, 3, SIDE, SIDE), lost(0, 1, 2)
    recalls = remembered(network, image, logits_of(*BOXES))
    with torch.no_grad():
        together = network.seek(image, recalls, output, [0, 1, 2]).mask_logits
        alone = [network.seek(image, recalls, output, [n]).mask_logits[n] for n in range(3)]
    assert torch.allclose(together, torch.stack(alone), atol=1e-3)
    assert not torch.allclose(together[0], together[1])


def test_what_is_found_is_remembered_and_tracked_on(network: MatchingSam2s) -> None:
    """An object that is lost at once is sought on its turn alone, and found."""
    network.look_turn = 2
    nn.init.constant_(network.mask_decoder.pred_obj_score_head.layers[-1].bias, -1000.0)  # type: ignore[union-attr]
    tracker = Tracker(network, torch.device('cpu'))
    rgb, mask = np.full((SIDE, SIDE, 3), 90, np.uint8), np.zeros((SIDE, SIDE), np.bool_)
    mask[60:160, 80:200] = True
    tracker.prompt(Frame(rgb, 0), 'a', MaskPrompt(mask))
    seen = [tracker.step(Frame(rgb + np.uint8(n), n))['a'] for n in range(1, 5)]
    assert [bool(each.mask.any()) for each in seen] == [False, True, False, True]
    assert [each.presence > 0.5 for each in seen] == [False, True, False, True]
    assert tracker._tracks['a'].bank.recall(3).frames[-1].memory.present


def test_where_something_went_can_be_learnt() -> None:
    """Two things in noise; one of them was prompted, both move, and the other one may also be alone."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32)
    image, later, without = (torch.randn(1, 3, SIDE, SIDE) * 0.1 for _ in range(3))
    bright, dark = torch.tensor((0.8, -0.8)).view(2, 1, 1, 1, 1)
    image[..., 60:140, 80:200] += bright[0]
    later[..., 140:220, 20:140] += bright[0]
    later[..., 20:100, 100:220] += dark[0]
    without[..., 140:220, 20:140] += dark[0]
    recalls, nowhere = remembered(network, image, logits_of((80, 60, 200, 140))), tracked(logits_of((0, 0, 0, 0)))
    true = (logits_of((20, 140, 140, 220)) > 0).float()
    optimizer = torch.optim.Adam([weight for weight in network.seeker.parameters() if weight.requires_grad], 2e-3)
    for _ in range(30):
        there, gone = (network.seek(frame, recalls, nowhere, [0]).proposals for frame in (later, without))
        assert there is not None and gone is not None
        read = there.mask_logits[:, :1]
        mask_loss = torch.nn.functional.binary_cross_entropy_with_logits(read, true)
        optimizer.zero_grad()
        (mask_loss + (1 - there.iou[0, 0]) + gone.iou[0, 0]).backward()
        optimizer.step()
    assert float(intersection_over_union(read.detach(), true)) > 0.8
    assert there.iou[0, 0].item() > 0.6 > gone.iou[0, 0].item()


def test_cells_of_the_view_are_those_of_the_frame(network: MatchingSam2s) -> None:
    assert seek(network, lost(0), 0).mask_logits.shape[-2:] == (CELLS, CELLS)


def test_a_network_that_never_looks_again_never_seeks(network: MatchingSam2s) -> None:
    network.look_turn = 0
    nn.init.constant_(network.mask_decoder.pred_obj_score_head.layers[-1].bias, -1000.0)  # type: ignore[union-attr]
    network.seeker.forward = None  # type: ignore[assignment]
    tracker = Tracker(network, torch.device('cpu'))
    rgb, mask = np.full((SIDE, SIDE, 3), 90, np.uint8), np.zeros((SIDE, SIDE), np.bool_)
    mask[60:160, 80:200] = True
    tracker.prompt(Frame(rgb, 0), 'a', MaskPrompt(mask))
    assert not any(tracker.step(Frame(rgb, n))['a'].mask.any() for n in (1, 2))
