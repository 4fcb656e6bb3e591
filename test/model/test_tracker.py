"""The tracker's conduct, seen with a network that only notes what it is asked."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from noting_network import BOX, FRAME_NS, MASK, NotingNetwork, click, contents, frame, labels_asked

from sam2s_model import BoxPrompt, Frame, InvalidPrompt, Prompt, Tracker, UnknownObject
from sam2s_model.frame_memory import FrameMemory, Recall, Role
from sam2s_model.memory_settings import PAPER, MemorySettings
from sam2s_model.network import MaskOutput
from sam2s_model.switches import Switches

CPU = torch.device('cpu')


class VagueNetwork(NotingNetwork):
    """Finds every object in the left half of the frame, but is not sure where that ends."""

    def track_frame(self, *asked: Any) -> MaskOutput:
        output = super().track_frame(*asked)
        return output._replace(mask_logits=torch.linspace(4, -4, 16).expand_as(output.mask_logits))


@pytest.fixture
def network() -> NotingNetwork:
    return NotingNetwork()


@pytest.fixture
def tracker(network: NotingNetwork) -> Tracker:
    return Tracker(network, CPU, PAPER)


def test_without_a_prompt_there_is_nothing_to_track(tracker: Tracker, network: NotingNetwork) -> None:
    assert tracker.step(frame(0)).objects == ()
    assert network.encoded == []


def test_a_frame_that_was_prepared_is_seen_as_any_other(tracker: Tracker, network: NotingNetwork) -> None:
    plain = frame(0)
    prepared = tracker.prepare(plain)
    assert prepared.square is not None and prepared.square.shape == (network.image_size, network.image_size, 3)
    assert prepared.rgb is plain.rgb and prepared.stamp_ns == plain.stamp_ns
    assert torch.equal(*(tracker._input(tracker._square(seen)) for seen in (prepared, plain)))


def test_a_frame_like_the_one_before_is_tracked_but_not_encoded(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(replace(frame(0), stamp_ns=FRAME_NS))
    tracker.step(frame(2))
    tracker.step(replace(frame(2), stamp_ns=3 * FRAME_NS))
    assert len(network.encoded) == 2
    assert len(network.asked) == 4


def test_an_object_may_be_added_on_any_frame(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(frame(1))
    result = tracker.prompt(frame(2), 'b', click())
    assert result.frame_index == 2
    assert [seen.object_id for seen in result.objects] == ['a', 'b']
    assert [seen.object_id for seen in tracker.step(frame(3)).objects] == ['a', 'b']


def test_a_prompt_on_an_unseen_frame_tracks_the_others_on_it_first(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.prompt(frame(1), 'b', BOX)
    assert [(asked.frame, asked.prompt is None) for asked in network.asked] == [(0, False), (1, True), (1, False)]


def test_the_first_prompts_of_an_object_are_answered_without_memory(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.prompt(frame(0), 'a', click())
    assert all(asked.recalls == [Recall()] for asked in network.asked)


def test_a_correction_is_answered_from_memory(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(frame(1))
    tracker.prompt(frame(1), 'a', click())
    (recall,) = network.asked[-1].recalls
    assert contents(recall, Role.CONDITIONING) == ['prompted 0']


def test_a_second_correction_of_a_frame_does_not_remember_the_first(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(frame(1))
    tracker.prompt(frame(1), 'a', click())
    tracker.prompt(frame(1), 'a', click())
    assert network.asked[-1].recalls == network.asked[-2].recalls


def test_a_correction_is_remembered_from_the_next_frame_on(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(frame(1))
    tracker.prompt(frame(1), 'a', click())
    tracker.step(frame(2))
    (recall,) = network.asked[-1].recalls
    assert contents(recall, Role.CONDITIONING) == ['prompted 0', 'prompted 1']
    assert contents(recall, Role.SHORT_TERM) == []


def test_clicks_on_one_frame_add_up(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.prompt(frame(0), 'a', click())
    tracker.prompt(frame(0), 'a', click(label=0))
    assert labels_asked(network) == [2, 3, 1, 0]


def test_clicks_add_to_those_made_before_the_video_moved_on(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', click())
    tracker.step(frame(1))
    tracker.prompt(frame(0), 'a', click(label=0))
    assert labels_asked(network) == [1, 0]


@pytest.mark.parametrize(('prompt', 'labels'), [(BOX, [2, 3]), (MASK, [])], ids=['box', 'mask'])
def test_a_box_and_a_mask_begin_afresh(
    tracker: Tracker, network: NotingNetwork, prompt: Any, labels: list[int]
) -> None:
    tracker.prompt(frame(0), 'a', click())
    tracker.prompt(frame(0), 'a', prompt)
    assert labels_asked(network) == labels
    tracker.prompt(frame(0), 'a', click(label=0))
    assert labels_asked(network) == [*labels, 0]


@pytest.mark.parametrize('prompt', [click(), BOX, MASK], ids=['points', 'box', 'mask'])
def test_points_a_box_and_a_mask_are_prompts(tracker: Tracker, prompt: Prompt) -> None:
    assert tracker.prompt(frame(0), 'a', prompt)['a'].mask.any()
    assert tracker.step(frame(1))['a'].mask.any()


def test_box_and_points_of_one_prompt_are_taken_together(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BoxPrompt((4, 6, 20, 30), points=((8, 12), (16, 24)), labels=(1, 0)))
    assert labels_asked(network) == [2, 3, 1, 0]


def test_several_objects_may_be_prompted_on_one_frame(tracker: Tracker) -> None:
    for name, prompt in (('a', BOX), ('b', click()), ('c', MASK)):
        result = tracker.prompt(frame(0), name, prompt)
    assert [seen.object_id for seen in result.objects] == ['a', 'b', 'c']
    assert [seen.object_id for seen in tracker.step(frame(1)).objects] == ['a', 'b', 'c']


@pytest.mark.parametrize('number', [0, 1, 7, 30])
def test_an_object_may_be_corrected_on_any_frame(tracker: Tracker, network: NotingNetwork, number: int) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    for passed in range(1, 31):
        tracker.step(frame(passed))
    assert tracker.prompt(frame(number), 'a', click(label=0))['a'].mask.any()
    tracker.step(frame(31))
    (recall,) = network.asked[-1].recalls
    assert f'prompted {number}' in contents(recall, Role.CONDITIONING)


def test_points_reach_the_network_in_pixels_of_its_square(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', click(8, 12))
    prompt = network.asked[-1].prompt
    assert prompt is not None
    assert prompt.points.tolist() == [[[16.0, 16.0]]]


def test_clicks_correct_the_mask_so_far_within_32_logits(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', click())
    first = network.asked[-1].prompt
    tracker.prompt(frame(0), 'a', click())
    second = network.asked[-1].prompt
    assert first is not None
    assert second is not None
    assert first.previous_logits is None
    assert second.previous_logits is not None
    assert (second.previous_logits == 32).all()


def test_a_prompt_on_a_frame_that_has_passed_answers_for_that_object_alone(
    tracker: Tracker, network: NotingNetwork
) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.prompt(frame(0), 'b', BOX)
    for number in range(1, 5):
        tracker.step(frame(number))
    result = tracker.prompt(frame(2), 'a', click())
    assert (result.frame_index, [seen.object_id for seen in result.objects]) == (2, ['a'])
    (recall,) = network.asked[-1].recalls
    assert contents(recall, Role.SHORT_TERM) == ['tracked 1']
    assert network.asked[-1].prompt is not None
    assert network.asked[-1].prompt.previous_logits is not None
    assert [seen.object_id for seen in tracker.step(frame(5)).objects] == ['a', 'b']


def test_a_prompt_on_a_skipped_frame_moves_no_other_object(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    for number in (1, 2, 4):
        tracker.step(frame(number))
    result = tracker.prompt(frame(3), 'b', BOX)
    assert (result.frame_index, [seen.object_id for seen in result.objects]) == (2, ['b'])
    assert (result.stamp_ns, network.asked[-1].frame) == (frame(3).stamp_ns, frame(3).rgb.mean())
    assert tracker.step(frame(5)).frame_index == 4


def test_frames_of_equal_stamps_are_each_looked_at(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(Frame(frame(1).rgb, 0))
    tracker.step(Frame(frame(2).rgb, 0))
    assert [asked.frame for asked in network.asked] == [frame(number).rgb.mean() for number in range(3)]


def test_an_object_prompted_before_its_first_frame_is_answered_without_memory(
    tracker: Tracker, network: NotingNetwork
) -> None:
    for number in range(3):
        tracker.step(frame(number))
    tracker.prompt(frame(2), 'a', BOX)
    tracker.step(frame(3))
    tracker.prompt(frame(1), 'a', BOX)
    assert network.asked[-1].recalls == [Recall()]


def test_a_removed_object_is_tracked_no_more(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.prompt(frame(0), 'b', BOX)
    tracker.remove('a')
    assert tracker.object_ids == ('b',)
    assert [seen.object_id for seen in tracker.step(frame(1)).objects] == ['b']


def test_an_id_that_is_used_again_means_a_new_object(tracker: Tracker, network: NotingNetwork) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.step(frame(1))
    tracker.remove('a')
    tracker.prompt(frame(1), 'a', click())
    assert network.asked[-1].recalls == [Recall()]
    assert labels_asked(network) == [1]


def test_an_unknown_object_cannot_be_removed(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    with pytest.raises(UnknownObject, match="no object 'b'; tracked are \\['a'\\]"):
        tracker.remove('b')


def test_a_frame_that_is_only_looked_at_shows_the_objects_and_is_not_remembered(
    tracker: Tracker, network: NotingNetwork
) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    (found,) = tracker.look(frame(1)).objects
    assert found.mask.all()
    tracker.step(frame(2))
    (recall,) = network.asked[-1].recalls
    assert [slot.memory.content for slot in recall.frames] == ['prompted 0']


def test_a_reset_forgets_objects_and_frames(tracker: Tracker) -> None:
    tracker.prompt(frame(0), 'a', BOX)
    tracker.reset()
    result = tracker.step(frame(7))
    assert (result.frame_index, result.objects) == (0, ())


def test_a_refused_prompt_changes_nothing(tracker: Tracker) -> None:
    with pytest.raises(InvalidPrompt, match='outside the 32×48 image'):
        tracker.prompt(frame(0), 'a', click(x=99))
    assert tracker.object_ids == ()
    assert tracker.step(frame(0)).frame_index == 0


def test_a_frame_is_encoded_once_whatever_is_asked_of_it(tracker: Tracker, network: NotingNetwork) -> None:
    for name in 'abc':
        tracker.prompt(frame(0), name, BOX)
    tracker.step(frame(1))
    tracker.prompt(frame(1), 'a', click())
    assert network.encoded == [0, 1]


def test_objects_that_remember_alike_are_tracked_as_one_batch(tracker: Tracker, network: NotingNetwork) -> None:
    for name in 'abc':
        tracker.prompt(frame(0), name, BOX)
    network.asked.clear()
    tracker.step(frame(1))
    assert [len(asked.recalls) for asked in network.asked] == [3]


def test_objects_do_not_overlap_where_they_must_not(network: NotingNetwork) -> None:
    tracker = Tracker(network, CPU, PAPER, Switches(non_overlap=True))
    tracker.prompt(frame(0), 'a', BOX)
    network.logit = 41.0
    result = tracker.prompt(frame(0), 'b', BOX)
    assert (result['a'].mask.any(), result['b'].mask.all()) == (False, True)


def test_results_follow_the_edges_of_the_image_where_they_shall() -> None:
    network, image = VagueNetwork(), np.zeros((48, 32, 3), np.uint8)
    image[:, :13] = 200
    seen = Frame(image, 0)
    vague = Tracker(network, CPU, PAPER).prompt(seen, 'a', BOX)
    exact = Tracker(network, CPU, PAPER, Switches(follow_edges=True)).prompt(seen, 'a', BOX)
    assert vague['a'].mask[:, :16].all() and not vague['a'].mask[:, 16:].any()
    assert exact['a'].mask[:, :12].all() and not exact['a'].mask[:, 14:].any()


def remembered_frames() -> int:
    gc.collect()
    return sum(type(thing) is FrameMemory for thing in gc.get_objects())


@pytest.mark.parametrize('settings', [PAPER, MemorySettings(short_stride=1.0)], ids=['paper', 'stride'])
def test_memory_does_not_grow_with_the_video(network: NotingNetwork, settings: MemorySettings) -> None:
    tracker = Tracker(network, CPU, settings)
    tracker.prompt(frame(0), 'a', BOX)
    counts = []
    for number in range(1, 2001):
        tracker.step(Frame(frame(0).rgb, number * FRAME_NS))
        network.asked.clear()
        if number % 800 == 0:
            tracker.prompt(Frame(frame(0).rgb, number * FRAME_NS), 'a', click())
        if number in (1000, 2000):
            counts.append(remembered_frames())
    assert counts[1] - counts[0] == 1  # the second correction
