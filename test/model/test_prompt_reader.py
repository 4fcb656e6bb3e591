from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sam2s_model.lite_trunk import LiteTrunk
from sam2s_model.matching_sam2s import NECK_CHANNELS
from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND
from sam2s_model.prompt_reader import DRAWN, PointedTrunk, PromptDrawing, PromptReader, Reading, draw

SIDE = 64  # of the views
NORMS = [torch.nn.Identity()] * 4


def reader(trained: bool = False, refers: bool = False) -> PromptReader:
    torch.manual_seed(0)
    made = PromptReader(NECK_CHANNELS, deep=16, middle=8, fine=8, depth=1, heads=2, refers=refers)
    if trained:
        torch.nn.init.normal_(made.leave.weight)
        torch.nn.init.normal_(made.trunk.point.weight)
    return made.eval()


def views(count: int) -> tuple[Tensor, Tensor]:
    """What the views show, and the frozen trunk's map of it at stride 4."""
    torch.manual_seed(1)
    return torch.randn(count, 3, SIDE, SIDE), torch.randn(count, NECK_CHANNELS[0], SIDE // 4, SIDE // 4)


def box(count: int = 1) -> PromptDrawing:
    corners = torch.tensor([[[0.25, 0.25], [0.75, 0.5]]]).expand(count, -1, -1)
    return PromptDrawing(corners, torch.tensor([[BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]]).expand(count, -1), None)


def clicks(*labels: int, previous: Tensor | None = None) -> PromptDrawing:
    points = torch.tensor([[[0.5, 0.5], [0.1, 0.9]]])[:, : len(labels)]
    return PromptDrawing(points, torch.tensor([list(labels)]), previous)


def read(drawing: PromptDrawing, trained: bool = False) -> Reading:
    found: Reading = reader(trained)(*views(len(drawing.points)), NORMS, drawing)
    return found


def test_an_untrained_reader_takes_a_box_for_the_object() -> None:
    found = read(box()).mask_logits[0, 0] > 0
    expected = torch.zeros(16, 16, dtype=torch.bool)
    expected[4:8, 4:12] = True
    assert torch.equal(found, expected)


def test_an_untrained_reader_takes_what_is_near_a_click_for_the_object() -> None:
    found = read(clicks(FOREGROUND)).mask_logits[0, 0] > 0
    assert found[8, 8] and not found[0, 0]


def test_an_untrained_reader_leaves_the_mask_so_far_as_it_is_away_from_clicks() -> None:
    previous = torch.randn(1, 1, 16, 16)
    found = read(clicks(BACKGROUND, previous=previous)).mask_logits[..., :4, :]
    sure = previous[..., :4, :].abs() > 0.3
    assert torch.equal(found[sure] > 0, previous[..., :4, :][sure] > 0)


def test_quality_lies_between_0_and_1() -> None:
    quality = read(box(3)).iou
    assert quality.shape == (3,)
    assert ((quality > 0) & (quality < 1)).all()


def test_each_prompt_is_read_in_its_own_view() -> None:
    images, stride4 = views(2)
    network, drawing = reader(trained=True), box(2)
    together = network(images, stride4, NORMS, drawing)
    alone = network(images[1:], stride4[1:], NORMS, box())
    torch.testing.assert_close(together.mask_logits[1:], alone.mask_logits)
    assert not torch.allclose(together.mask_logits[0], together.mask_logits[1])


def test_clicks_for_and_against_are_read_differently() -> None:
    with_it, without_it = read(clicks(FOREGROUND, FOREGROUND), True), read(clicks(FOREGROUND, BACKGROUND), True)
    assert not torch.allclose(with_it.mask_logits, without_it.mask_logits)


def test_a_click_is_obeyed_where_it_is_made_whatever_the_network_thinks() -> None:
    everything, nothing = torch.full((1, 1, 16, 16), 4.0), torch.full((1, 1, 16, 16), -4.0)
    taken = read(clicks(BACKGROUND, previous=everything)).mask_logits[0, 0] > 0
    added = read(clicks(FOREGROUND, previous=nothing)).mask_logits[0, 0] > 0
    assert not taken[8, 8] and taken[0, 0]
    assert added[8, 8] and not added[0, 0]


@pytest.mark.parametrize('refers', [False, True])
def test_every_weight_learns(refers: bool) -> None:
    network = reader(trained=True, refers=refers)
    drawing = clicks(FOREGROUND, BACKGROUND, previous=torch.randn(1, 1, 16, 16))
    reference = network.refer(views(2)[1][1:], NORMS, drawing) if refers else None
    found = network(*views(1), NORMS, drawing, reference)
    (found.mask_logits.square().mean() + found.iou.sum()).backward()
    still = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


def test_a_reference_shows_what_the_object_and_its_surroundings_look_like() -> None:
    """A view is like itself: each of its cells has a match of its own kind, to the last digit."""
    network, (_, stride4) = reader(trained=True, refers=True), views(1)
    previous = torch.full((1, 1, 16, 16), -5.0)
    previous[..., 4:12, 4:12] = 5.0
    drawing = clicks(FOREGROUND, previous=previous)
    reference = network.refer(stride4, NORMS, drawing)
    assert reference.shares[0, 0].sum() == 16 and reference.looks.shape[-2:] == (8, 8)
    on, off = network._likeness(reference.looks, drawing, reference)[0]
    inside = reference.shares[0, 0] == 1
    torch.testing.assert_close(on[inside], torch.ones(16))
    torch.testing.assert_close(off[~inside], torch.ones(48))


def test_a_drawing_shows_the_box_and_nothing_else() -> None:
    drawn = draw(box(), 16)
    inside, across, down = drawn[0, 4:7]
    assert drawn.shape == (1, DRAWN, 16, 16)
    assert inside.sum() == 4 * 8
    assert across[5, 4] < 0 < across[5, 11] and down[4, 6] < 0 < down[7, 6]
    assert drawn[0, :4].abs().max() == 0 and drawn[0, 7:].abs().max() == 0


def test_a_drawing_without_a_box_has_no_box() -> None:
    drawn = draw(clicks(FOREGROUND), 16)
    assert drawn.isfinite().all()
    assert drawn[0, 4:7].abs().max() == 0
    assert drawn[0, 0].argmax() == drawn[0, 2].argmax()


def test_a_pointed_trunk_begins_as_the_one_that_knows_of_no_prompts() -> None:
    torch.manual_seed(0)
    trunk, pointed = LiteTrunk(), PointedTrunk(NECK_CHANNELS[0])
    pointed.start_from(trunk)
    images, drawn = torch.rand(1, 3, SIDE, SIDE) * 2 - 1, torch.randn(1, DRAWN, SIDE // 4, SIDE // 4)
    expected, stride4 = trunk(images), trunk.see_stride4(images)
    torch.testing.assert_close(stride4, expected.stride4)
    maps = pointed(stride4, drawn)
    for found, wanted in zip(
        maps, (expected.stride4, expected.stride8, expected.stride16, expected.stride32), strict=True
    ):
        torch.testing.assert_close(found, wanted)
