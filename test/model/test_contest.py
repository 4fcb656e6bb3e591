from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from noting_network import BOX, SIDE, NotingNetwork, frame
from torch import Tensor

from sam2s_model import FrameResult, Tracker
from sam2s_model.memory_settings import PAPER
from sam2s_model.network import NO_OBJECT_LOGIT, MaskOutput
from sam2s_model.switches import MATCHING, Switches

CELLS = SIDE // 4


class Stripe:
    """The columns that the network takes for an object, and how sure it is; None of them: it is absent."""

    def __init__(self, first: int, last: int, logit: float = 5.0) -> None:
        self.first, self.last, self.logit = first, last, logit

    def logits(self) -> Tensor:
        if self.last <= self.first:
            return torch.full((1, CELLS, CELLS), NO_OBJECT_LOGIT)
        drawn = torch.full((1, CELLS, CELLS), -5.0)
        drawn[..., self.first : self.last] = self.logit
        return drawn


NOTHING = Stripe(0, 0)


class StripeNetwork(NotingNetwork):
    """Finds stripes: `prompted` on a prompt, `tracked` for the objects in their order; remembers what it is told to."""

    prompted = NOTHING
    tracked: Sequence[Stripe] = ()

    def __init__(self) -> None:
        super().__init__()
        self.remembered: list[Tensor] = []

    def layout(self, recall: Any) -> int:
        return 0

    def track_frame(self, features: Any, recalls: Any, prompt: Any) -> MaskOutput:
        stripes = self.tracked if prompt is None else [self.prompted]
        logits = torch.stack([stripe.logits() for stripe in stripes])
        score = torch.tensor([3.0 if stripe.last > stripe.first else -3.0 for stripe in stripes])
        return MaskOutput(logits, torch.full((len(stripes),), 0.9), score, None, None)

    def encode_memory(self, features: Any, recalls: Any, output: MaskOutput, prompted: bool) -> list[str]:
        if not prompted:
            self.remembered = list(output.mask_logits)
        return [''] * len(output.iou)


@pytest.fixture
def network() -> StripeNetwork:
    return StripeNetwork()


@pytest.fixture
def tracker(network: StripeNetwork) -> Tracker:
    return Tracker(network, torch.device('cpu'), PAPER, Switches(contest=True))


def prompt(tracker: Tracker, network: StripeNetwork, number: int, name: str, stripe: Stripe) -> None:
    network.prompted = stripe
    tracker.prompt(frame(number), name, BOX)


def step(tracker: Tracker, network: StripeNetwork, number: int, *tracked: Stripe) -> FrameResult:
    network.tracked = tracked
    return tracker.step(frame(number))


def columns(result: FrameResult, name: str) -> list[int]:
    """Cells of the grid's columns that an object has."""
    width = result[name].mask.shape[1]
    centres = [int((cell + 0.5) * width / CELLS) for cell in range(CELLS)]
    return [cell for cell, x in enumerate(centres) if result[name].mask[:, x].all()]


def apart(tracker: Tracker, network: StripeNetwork) -> None:
    """Two objects beside each other."""
    prompt(tracker, network, 0, 'a', Stripe(0, 6))
    prompt(tracker, network, 0, 'b', Stripe(10, 16))


def test_each_cell_is_left_to_the_surest(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    result = step(tracker, network, 1, Stripe(0, 10, 5.0), Stripe(6, 16, 2.0))
    assert (columns(result, 'a'), columns(result, 'b')) == ([*range(10)], [*range(10, 16)])


def test_what_is_remembered_is_what_is_left(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    step(tracker, network, 1, Stripe(0, 10, 5.0), Stripe(6, 16, 2.0))
    assert [int((mask > 0).sum()) // CELLS for mask in network.remembered] == [10, 6]


def test_quality_falls_by_what_is_lost(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    result = step(tracker, network, 1, Stripe(0, 10, 5.0), Stripe(6, 14, 2.0))
    assert [result[name].score for name in 'ab'] == pytest.approx([0.9, 0.45])


def test_what_is_as_sure_keeps_its_cells(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    result = step(tracker, network, 1, Stripe(0, 10), Stripe(6, 16))
    assert (columns(result, 'a'), columns(result, 'b')) == ([*range(10)], [*range(6, 16)])


def test_an_object_that_is_left_without_a_cell_is_absent(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    result = step(tracker, network, 1, Stripe(8, 16, 2.0), Stripe(8, 16, 5.0))
    assert (result['a'].mask.any(), result['a'].presence < 0.5, result['b'].presence > 0.5) == (False, True, True)
    assert float(network.remembered[0].max()) == NO_OBJECT_LOGIT


def test_an_absent_object_contests_nothing(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    result = step(tracker, network, 1, NOTHING, Stripe(8, 16, 2.0))
    assert (result['a'].presence < 0.5, columns(result, 'b')) == (True, [*range(8, 16)])


def lose_b(tracker: Tracker, network: StripeNetwork) -> None:
    """Two objects beside each other, the second of which then leaves."""
    apart(tracker, network)
    step(tracker, network, 1, Stripe(0, 6), NOTHING)


def test_what_comes_back_takes_no_cell_from_what_was_there(tracker: Tracker, network: StripeNetwork) -> None:
    lose_b(tracker, network)
    result = step(tracker, network, 2, Stripe(0, 9, 2.0), Stripe(8, 16, 2.2))
    assert (columns(result, 'a'), columns(result, 'b')) == ([*range(9)], [*range(9, 16)])
    result = step(tracker, network, 3, Stripe(0, 9, 2.0), Stripe(8, 16, 2.2))
    assert columns(result, 'b') == [*range(8, 16)]


def test_what_comes_back_mostly_where_something_else_is_does_not_come_back(
    tracker: Tracker, network: StripeNetwork
) -> None:
    lose_b(tracker, network)
    result = step(tracker, network, 2, Stripe(0, 13, 2.0), Stripe(8, 16, 5.0))
    assert (columns(result, 'a'), result['b'].presence < 0.5) == ([*range(13)], True)
    assert float(network.remembered[1].max()) == NO_OBJECT_LOGIT


def test_of_two_that_come_back_the_surer_one_has_the_cell(tracker: Tracker, network: StripeNetwork) -> None:
    lose_b(tracker, network)
    step(tracker, network, 2, NOTHING, NOTHING)
    result = step(tracker, network, 3, Stripe(0, 9, 5.0), Stripe(8, 16, 2.0))
    assert (columns(result, 'a'), columns(result, 'b')) == ([*range(9)], [*range(9, 16)])


def test_frames_that_are_only_looked_at_are_settled_too(tracker: Tracker, network: StripeNetwork) -> None:
    apart(tracker, network)
    network.tracked = Stripe(0, 10, 5.0), Stripe(6, 16, 2.0)
    result = tracker.look(frame(1))
    assert columns(result, 'b') == [*range(10, 16)]


def overlap(tracker: Tracker, network: StripeNetwork, number: int) -> list[int]:
    """Columns that the less sure of two objects has, on a frame where the other claims all of it."""
    return columns(step(tracker, network, number, Stripe(0, 10, 5.0), Stripe(6, 10, 2.0)), 'b')


def test_a_part_that_is_prompted_on_a_whole_shares_its_cells(tracker: Tracker, network: StripeNetwork) -> None:
    prompt(tracker, network, 0, 'a', Stripe(0, 10))
    step(tracker, network, 1, Stripe(0, 10))
    prompt(tracker, network, 1, 'b', Stripe(6, 10))
    assert overlap(tracker, network, 2) == [6, 7, 8, 9]


def test_a_whole_that_is_prompted_around_a_part_shares_with_it(tracker: Tracker, network: StripeNetwork) -> None:
    prompt(tracker, network, 0, 'b', Stripe(6, 10))
    prompt(tracker, network, 0, 'a', Stripe(0, 10))
    result = step(tracker, network, 1, Stripe(6, 10, 2.0), Stripe(0, 10, 5.0))
    assert columns(result, 'b') == [6, 7, 8, 9]


def test_two_names_for_one_thing_share_only_where_a_person_gave_both(tracker: Tracker, network: StripeNetwork) -> None:
    prompt(tracker, network, 0, 'a', Stripe(0, 10))
    prompt(tracker, network, 0, 'b', Stripe(0, 10))
    assert overlap(tracker, network, 1) == [6, 7, 8, 9]

    tracker.reset()
    prompt(tracker, network, 0, 'a', Stripe(0, 4))
    step(tracker, network, 1, Stripe(6, 10))  # it slid over to what is prompted now
    prompt(tracker, network, 1, 'b', Stripe(6, 10))
    assert overlap(tracker, network, 2) == []


def test_what_has_come_back_and_is_then_prompted_as_another_is_no_part_of_it(
    tracker: Tracker, network: StripeNetwork
) -> None:
    prompt(tracker, network, 0, 'a', Stripe(0, 10))
    step(tracker, network, 1, NOTHING)
    step(tracker, network, 2, Stripe(8, 10))
    prompt(tracker, network, 2, 'b', Stripe(4, 10))
    assert overlap(tracker, network, 3) == []


def test_an_id_that_is_used_again_means_another_object(tracker: Tracker, network: StripeNetwork) -> None:
    prompt(tracker, network, 0, 'a', Stripe(0, 10))
    prompt(tracker, network, 0, 'b', Stripe(6, 10))
    tracker.remove('b')
    step(tracker, network, 1, Stripe(0, 4))
    prompt(tracker, network, 1, 'b', Stripe(6, 10))
    assert overlap(tracker, network, 2) == []


def test_the_shipped_size_contests_and_sam2_does_not() -> None:
    assert (MATCHING.contest, Switches().contest) == (True, False)
