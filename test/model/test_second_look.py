"""Second looks: whose turn it is, what the reader is asked, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from looked_at import SIDE, logits_of, remembered, tracked
from torch import Tensor, nn
from training_clips import drawn_clips, small_matching

from sam2s_model import Frame, MaskPrompt, Tracker
from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.network import NO_OBJECT_LOGIT, PromptBatch
from sam2s_model.prompt_encoder import FOREGROUND
from sam2s_model.second_look import ask_again, looks_of, whose_turn
from sam2s_model.training.clip_loss import ClipRules, clip_losses
from sam2s_model.training.losses import intersection_over_union
from sam2s_model.training.prompt_plan import PromptSettings
from sam2s_model.training.start import copy_parts, freeze


def seen_on(index: int, now: int) -> Recall[None]:
    memory = FrameMemory(index, index, 1.0, True, torch.ones(1), None)
    return Recall((Slot(Role.CONDITIONING, now - index, memory),))


@pytest.fixture
def network(draw_weights: Callable[[nn.Module, int], None]) -> MatchingSam2s:
    """A network with random weights."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32)
    draw_weights(network, 0)
    return network.eval()


@torch.no_grad()
def look_again(
    network: MatchingSam2s, image: Tensor, logits: Tensor, *numbers: int, prompted: Tensor | None = None
) -> Tensor:
    recalls = remembered(network, image if prompted is None else prompted, logits)
    return network.look_again(image, recalls, tracked(logits), numbers).mask_logits


def test_each_object_has_its_turn_once_in_a_round_and_neighbours_not_at_once() -> None:
    turns = [whose_turn([seen_on(3, now)] * 4, 4) for now in range(4, 12)]
    assert sorted(n for numbers in turns[:4] for n in numbers) == [0, 1, 2, 3]
    assert turns[:4] == turns[4:] and {len(numbers) for numbers in turns} == {1}


def asked(logits: Tensor) -> PromptBatch:
    return ask_again(logits, (logits[:, 0] > 0).numpy()).prompt


def test_the_reader_is_asked_with_the_mask_and_a_click_where_it_is_thickest() -> None:
    logits = logits_of((8, 8, 200, 16))
    logits[..., 20:34, 30:44] = 5.0  # the thick end of something thin
    prompt = asked(logits)
    assert prompt.previous_logits is not None and torch.equal(prompt.previous_logits > 0, logits > 0)
    assert prompt.labels.tolist() == [[FOREGROUND]]
    x, y = prompt.points[0, 0].tolist()
    assert 128 <= x <= 166 and 90 <= y <= 126


def test_a_click_lies_on_the_mask_even_if_it_is_one_cell() -> None:
    assert asked(logits_of((40, 80, 44, 84))).points.tolist() == [[[42.0, 82.0]]]
    assert asked(logits_of((0, 0, 4, 4))).points.tolist() == [[[2.0, 2.0]]]


def test_untrained_a_second_look_sees_what_the_first_has_seen() -> None:
    network = MatchingSam2s(SIDE, d_model=32).eval()
    logits = logits_of((40, 60, 150, 120), (200, 0, 256, 40))
    again = look_again(network, torch.rand(1, 3, SIDE, SIDE), logits, 0, 1) > 0
    assert ((again & (logits > 0)).sum() / (again | (logits > 0)).sum()).item() > 0.9


def test_those_whose_turn_it_is_not_and_those_out_of_sight_stay_as_they_are(network: MatchingSam2s) -> None:
    logits = logits_of((8, 8, 72, 72), (100, 100, 180, 200), (8, 8, 72, 72))
    logits[2] = NO_OBJECT_LOGIT
    again = look_again(network, torch.rand(1, 3, SIDE, SIDE), logits, 1, 2)
    assert [torch.equal(a, b) for a, b in zip(again, logits, strict=True)] == [True, False, True]


def test_what_is_far_from_an_object_does_not_change_how_it_is_read(network: MatchingSam2s) -> None:
    logits, image = logits_of((8, 8, 56, 56)), torch.rand(1, 3, SIDE, SIDE)
    other = image.clone()
    other[..., 160:, 160:] = 0
    read = look_again(network, image, logits, 0)
    assert torch.equal(read, look_again(network, other, logits, 0, prompted=image))
    other[..., 8:56, 8:56] = 0
    assert not torch.allclose(read, look_again(network, other, logits, 0, prompted=image))


def test_how_an_object_looked_when_it_was_prompted_changes_how_it_is_read(network: MatchingSam2s) -> None:
    logits, image = logits_of((8, 8, 56, 56)), torch.rand(1, 3, SIDE, SIDE)
    as_it_was, otherwise = (look_again(network, image, logits, 0, prompted=p) for p in (image, torch.rand_like(image)))
    assert not torch.allclose(as_it_was, otherwise)


def test_the_last_prompt_says_how_an_object_looks(network: MatchingSam2s) -> None:
    first, last = (remembered(network, torch.rand(1, 3, SIDE, SIDE), logits_of((8, 8, 56, 56)))[0] for _ in range(2))
    both = Recall((*first.frames, *last.frames))
    assert looks_of(first) is not None and looks_of(both) is looks_of(last)


def test_what_could_not_be_seen_when_it_was_prompted_is_not_looked_at_again(network: MatchingSam2s) -> None:
    nothing, something = logits_of((0, 0, 0, 0)), logits_of((8, 8, 56, 56))
    image = torch.rand(1, 3, SIDE, SIDE)
    recalls = remembered(network, image, torch.cat((nothing, something)))
    assert looks_of(recalls[0]) is None
    output = tracked(something.expand(2, -1, -1, -1))
    with torch.no_grad():
        again = network.look_again(image, recalls, output, [0, 1]).mask_logits
    assert torch.equal(again[0], something[0]) and not torch.equal(again[1], something[0])


def test_what_is_read_is_published_and_remembered() -> None:
    """A reader that sees nothing empties the mask when it is the object's turn; then nothing remembers it."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32).eval()
    nn.init.constant_(network.mask_reader.leave.bias, -100.0)
    network.look_turn = 3
    tracker = Tracker(network, torch.device('cpu'))
    rgb = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[60:160, 80:200] = True
    tracker.prompt(Frame(rgb, 0), 'a', MaskPrompt(mask))
    areas = [int(tracker.step(Frame(rgb + np.uint8(n), n))['a'].mask.sum()) for n in range(1, 4)]
    assert min(areas[:2]) > 0 and areas[2] == 0
    remembered = tracker._tracks['a'].bank.recall(4).frames[-1]
    assert remembered.role is Role.SHORT_TERM and float(remembered.memory.content.mask.max()) < 0.5


def test_a_network_that_never_looks_again_does_as_before(network: MatchingSam2s) -> None:
    """Nothing but second looks asks the mask reader."""
    network.look_turn = 0
    network.mask_reader.forward = None  # type: ignore[assignment]
    tracker = Tracker(network, torch.device('cpu'))
    rgb, mask = np.full((SIDE, SIDE, 3), 90, np.uint8), np.zeros((SIDE, SIDE), np.bool_)
    mask[60:160, 80:200] = True
    tracker.prompt(Frame(rgb, 0), 'a', MaskPrompt(mask))
    assert tracker.step(Frame(rgb, 1))['a'].mask.any()


def test_in_training_searches_and_both_looks_are_judged_and_all_but_the_first_teach_their_reader_alone() -> None:
    rules = ClipRules(PromptSettings(kinds=(1.0, 0.0, 0.0), stray=0.0))
    clip = drawn_clips(frames=(3, 3))[0]
    network = small_matching()
    all_three = clip_losses(network, clip, rules, torch.device('cpu'))
    freeze(network, ['mask_reader', 'seeker'])
    once = clip_losses(network, clip, rules, torch.device('cpu'))
    assert (len(all_three.losses), len(once.losses)) == (6, 2)
    for reader in ('mask_reader', 'seeker'):
        network = small_matching()
        freeze(network, {name.split('.')[0] for name, _ in network.named_parameters()} - {reader})
        total = clip_losses(network, clip, rules, torch.device('cpu')).total(rules.loss)
        assert total is not None
        total.backward()
        assert {name.split('.')[0] for name, weight in network.named_parameters() if weight.grad is not None} == {
            reader
        }


def test_a_worn_mask_can_be_learnt_to_be_mended() -> None:
    """An object in noise, of whose mask a third is left and to which as much of the background was added."""
    torch.manual_seed(0)
    network = MatchingSam2s(SIDE, d_model=32)
    image = torch.randn(1, 3, SIDE, SIDE) * 0.1
    image[..., 60:140, 80:200] += 0.8
    true, worn = logits_of((80, 60, 200, 140)), logits_of((120, 60, 240, 140))
    recalls = remembered(network, image, true)
    weights = [weight for weight in network.mask_reader.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, 2e-3)
    for _ in range(30):
        proposals = network.look_again(image, recalls, tracked(worn), [0]).proposals
        assert proposals is not None
        read = proposals.mask_logits[:, :1]
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(read, (true > 0).float()).backward()
        optimizer.step()
    assert float(intersection_over_union(worn, (true > 0).float())) < 0.6
    assert float(intersection_over_union(read.detach(), (true > 0).float())) > 0.9


def test_a_part_can_begin_as_another_one_is(network: MatchingSam2s) -> None:
    copy_parts(network, {'mask_reader': 'prompt_reader'})
    assert torch.equal(network.mask_reader.leave.weight, network.prompt_reader.leave.weight)
    for name, other in (('mask_reader', 'refiner'), ('mask_raeder', 'prompt_reader')):
        with pytest.raises(ValueError, match=f"expected two parts that are built alike.*came '{name}'"):
            copy_parts(network, {name: other})
