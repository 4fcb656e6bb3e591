"""Dots far from an object go, what was away must be seen well to be back, and what may be the object stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sam2s_model import Frame, MaskPrompt, Tracker, whereabouts
from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.memory_read_out import CellMask
from sam2s_model.whereabouts import (
    AWAY,
    DOUBT,
    GOOD_RETURN,
    JUMP,
    SPECK_LOGIT,
    doubt_returns,
    reachable,
    without_specks,
)

SIDE = 24  # cells at stride 8; masks have twice as many


def seen_at(rows: slice, columns: slice) -> Tensor:
    newest = torch.zeros(1, 1, SIDE, SIDE)
    newest[..., rows, columns] = 1
    return newest


def mask_of(*pieces: tuple[slice, slice]) -> Tensor:
    logits = torch.full((1, 1, 2 * SIDE, 2 * SIDE), -5.0)
    for rows, columns in pieces:
        logits[..., rows, columns] = 5.0
    return logits


THERE = seen_at(slice(2, 8), slice(2, 8))
BODY = (slice(4, 18), slice(4, 18))
DOT = (slice(40, 41), slice(40, 42))


def test_an_object_may_move_by_a_few_cells() -> None:
    near = reachable(THERE)[0, 0]
    assert near[: 2 * (8 + JUMP), : 2 * (8 + JUMP)].all() and int(near.sum()) == (2 * (8 + JUMP)) ** 2


def test_a_dot_far_from_the_object_goes_and_nothing_else_changes() -> None:
    logits = mask_of(BODY, DOT)
    cleaned = without_specks(logits, reachable(THERE))
    assert (cleaned[..., 40, 40:42] == SPECK_LOGIT).all()
    cleaned[..., 40, 40:42] = 5.0
    assert torch.equal(cleaned, logits)


@pytest.mark.parametrize(
    ('pieces', 'newest'),
    [
        ([BODY, (slice(36, 42), slice(36, 42))], THERE),
        ([BODY, (slice(20, 21), slice(20, 22))], THERE),
        ([(slice(30, 44), slice(30, 44)), (slice(2, 3), slice(44, 46))], THERE),
        ([BODY, DOT], torch.zeros_like(THERE)),
        ([], THERE),
    ],
    ids=['a piece of some size', 'a dot beside the object', 'the object has jumped', 'it was away', 'it is away'],
)
def test_what_may_be_the_object_stays(pieces: list[tuple[slice, slice]], newest: Tensor) -> None:
    logits = mask_of(*pieces)
    assert torch.equal(without_specks(logits, reachable(newest)), logits)


def test_objects_are_looked_at_one_by_one() -> None:
    logits = torch.cat((mask_of(BODY, DOT), mask_of(DOT)))
    cleaned = without_specks(logits, reachable(THERE).expand(2, -1, -1, -1))
    assert not (cleaned[0] == 5.0)[..., 40, 40:42].any() and (cleaned[1] == 5.0)[..., 40, 40:42].all()


NOTHING = CellMask(torch.zeros(0, 1), torch.zeros(4, 0))


def recall_of(*seen: tuple[Role, int, bool]) -> Recall[CellMask]:
    """Role of each remembered frame, how long ago it was, and whether it shows the object."""
    slots = (
        Slot(role, ago, FrameMemory(1000 - ago, 0, 0.9, present, torch.empty(0), NOTHING))
        for role, ago, present in seen
    )
    return Recall(tuple(slots))


PROMPTED = (Role.CONDITIONING, 500, True)
GONE = recall_of(PROMPTED, *((Role.SHORT_TERM, ago, False) for ago in (1, 3, 7, AWAY)), (Role.LONG_TERM, 60, True))


def score_of(iou: float, recall: Recall[CellMask]) -> float:
    return float(doubt_returns(torch.tensor([[3.0]]), torch.tensor([iou]), [recall]))


def test_what_was_away_is_back_once_its_mask_is_good() -> None:
    assert score_of(GOOD_RETURN - 0.01, GONE) == DOUBT
    assert score_of(GOOD_RETURN, GONE) == 3.0


@pytest.mark.parametrize(
    'recall',
    [
        recall_of(PROMPTED, (Role.SHORT_TERM, 1, False), (Role.SHORT_TERM, AWAY, True)),
        recall_of((Role.CONDITIONING, AWAY, True), (Role.SHORT_TERM, 1, False)),
        recall_of(PROMPTED, (Role.SHORT_TERM, 1, True)),
    ],
    ids=['hidden for a moment', 'prompted a moment ago', 'in view'],
)
def test_what_is_hidden_for_a_moment_may_return_with_a_poor_mask(recall: Recall[CellMask]) -> None:
    assert score_of(0.1, recall) == 3.0


def test_a_score_that_is_low_already_stays() -> None:
    assert float(doubt_returns(torch.tensor([[-7.0]]), torch.tensor([0.1]), [GONE])) == -7.0


def test_each_object_is_doubted_for_itself() -> None:
    scores = doubt_returns(
        torch.full((2, 1), 3.0), torch.full((2,), 0.1), [GONE, recall_of(PROMPTED, (Role.SHORT_TERM, 1, True))]
    )
    assert scores.tolist() == [[DOUBT], [3.0]]


@pytest.mark.parametrize(('away', 'seen'), [(True, False), (False, True)])
def test_the_network_doubts_returns(away: bool, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = MatchingSam2s(128, d_model=32).eval()  # untrained, it takes what matches
    quality = network.mask_decoder.iou_prediction_head.layers[-1]
    assert isinstance(quality, nn.Linear)
    nn.init.constant_(quality.bias, -3.0)
    monkeypatch.setattr(whereabouts, '_is_away', lambda _: away)
    tracker = Tracker(network, torch.device('cpu'))
    rgb = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    mask = np.zeros((128, 128), np.bool_)
    mask[20:90, 30:100] = True
    tracker.prompt(Frame(rgb, 0), 'a', MaskPrompt(mask))
    assert bool(tracker.step(Frame(rgb, 40_000_000))['a'].mask.any()) is seen
