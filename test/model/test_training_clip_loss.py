"""One clip: roles in memory, what gradients reach, the same loss for the same seed, and L_tsl."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from training_clips import drawn_clips, small_matching, small_sam2s

from sam2s_model.build import AnyNetwork
from sam2s_model.frame_memory import Role
from sam2s_model.network import MaskOutput
from sam2s_model.semantics import InstrumentBank
from sam2s_model.training.clip_loss import ClipRules, clip_losses, in_use
from sam2s_model.training.clip_memory import NEVER, ClipMemory, Found, TrainingMemory
from sam2s_model.training.divemem_sampling import ClipSampling
from sam2s_model.training.losses import LossSettings
from sam2s_model.training.prompt_plan import PromptPlan, PromptSettings
from sam2s_model.training.start import freeze

CPU = torch.device('cpu')
BANK = InstrumentBank(('hook', 'snare'), torch.eye(8)[:2], 'unit vectors', ('{}',))
LOSS = LossSettings(stride=1, ambiguity=True, semantic_weight=0.1)
SAM2 = PromptSettings(kinds=(0.5, 0.25, 0.25), conditioning=(1, 2), corrected=(1, 2), clicks=2, stray=0.0)
PAPER = ClipRules(SAM2, TrainingMemory(true_masks=0.0), LOSS, BANK)
MANY_CLICKS = replace(PAPER, prompts=replace(SAM2, kinds=(0.2, 0.2, 0.6)))
CLIPS = drawn_clips(frames=(4, 4), sampling=ClipSampling(divemem=0.5, consecutive=2))
Build = Callable[..., AnyNetwork]

# No loss depends on them: SAM 2 keeps one weight for nothing, and a constant added to all keys changes no softmax.
IDLE = re.compile(r'no_mem_pos_enc$|k_proj\.bias$')
# The shipped network has SAM 2's mask decoder, and takes its first mask alone; where it seeks, nothing is pointed at.
IDLE_IN_MATCHING = re.compile(rf'{IDLE.pattern}|output_hypernetworks_mlps\.[123]\.|^seeker\.trunk\.point\.weight$')


def learn(network: AnyNetwork, rules: ClipRules, clips: int) -> None:
    for index in range(clips):
        total = clip_losses(network, CLIPS[index], rules, CPU).total(rules.loss)
        if total is not None:
            total.backward()


def reached(network: AnyNetwork) -> set[str]:
    weights = network.named_parameters()
    return {name for name, weight in weights if weight.grad is not None and bool(weight.grad.any())}


@pytest.mark.parametrize(
    ('build', 'frozen', 'idle'), [(small_sam2s, 'nothing', IDLE), (small_matching, 'trunk', IDLE_IN_MATCHING)]
)
def test_gradients_reach_every_weight_that_learns_and_none_that_is_frozen(
    build: Build, frozen: str, idle: re.Pattern[str], draw_weights: Callable[[nn.Module, int], None]
) -> None:
    network = build(semantic_dim=8)
    score = next(module for name, module in network.named_modules() if name.endswith('pred_obj_score_head'))
    for seed in range(5):  # one draw of weights prefers one of the four masks, and sees objects everywhere or nowhere
        draw_weights(network, seed)
        torch.nn.init.constant_(score.layers[-1].bias, 4.0 if seed % 2 else -4.0)
        learn(network, MANY_CLICKS, clips=5)
    names = {name for name, _ in network.named_parameters() if not idle.search(name)}
    assert {name for name in names if name not in reached(network)} == {n for n in names if n.startswith(f'{frozen}.')}


@pytest.mark.parametrize('build', [small_sam2s, small_matching])
def test_the_same_seed_gives_the_same_loss(build: Build) -> None:
    network = build().eval()  # without dropout
    first, second = (
        [losses.total(LOSS).item() for losses in clip_losses(network, CLIPS[3], PAPER, CPU).losses] for _ in range(2)
    )
    assert first == second and first


@pytest.mark.parametrize('build', [small_sam2s, small_matching])
def test_so_many_frames_are_learnt_from_and_all_are_tracked(build: Build) -> None:
    one_prompt = PromptSettings(kinds=(1, 0, 0), conditioning=(1, 1), corrected=(0, 0), stray=0.0)
    rules = ClipRules(one_prompt, TrainingMemory(true_masks=0.0), replace(LOSS, semantic_weight=0.0, frames=2))
    clip = next(clip for clip in (CLIPS[index] for index in range(9)) if not clip.is_divemem)
    outcome = clip_losses(build(), clip, rules, CPU)
    decodings = 3 if build is small_matching else 1  # tracked, sought, looked at again
    assert len(outcome.losses) == 2 * decodings and len(outcome.mask_logits) == 4


def test_the_loss_of_a_later_frame_teaches_what_encoded_an_earlier_one() -> None:
    network = small_sam2s()
    rules = replace(PAPER, bank=None, prompts=replace(SAM2, kinds=(1, 0, 0)))  # a mask: the first frame costs nothing
    learn(network, rules, clips=1)
    encoder = network.memory_encoder.out_proj.weight
    assert encoder.grad is not None and encoder.grad.any()


@pytest.mark.parametrize('build', [small_sam2s, small_matching])
def test_the_semantic_loss_is_there_for_known_classes_alone(build: Build) -> None:
    network, clip = build(semantic_dim=8), CLIPS[0]
    known, unknown = (
        sum(losses.semantic.item() for losses in clip_losses(network, c, PAPER, CPU).losses)
        for c in (replace(clip, class_names=('hook', 'snare')), replace(clip, class_names=('', '')))
    )
    assert known > 0 and unknown == 0


def test_classes_are_not_read_where_nobody_learns_to() -> None:
    network = small_matching(semantic_dim=8).train()
    freeze(network, ('tsl.',))
    losses = clip_losses(network, replace(CLIPS[0], class_names=('hook', 'snare')), PAPER, CPU).losses
    assert losses and all(one.semantic == 0 for one in losses)


def divemem_memory() -> ClipMemory:
    clip = next(clip for clip in (CLIPS[index] for index in range(20)) if clip.is_divemem)
    memory = ClipMemory(clip, PromptPlan('box', (0,), (0,)), TrainingMemory())
    for t in range(len(clip.frames)):
        memory.add(t, torch.zeros(1), [Found(0.0, True)] * len(clip.masks), [t] * len(clip.masks))
    return memory


@pytest.mark.parametrize(
    ('t', 'expected'),
    [
        (3, [(0, Role.CONDITIONING), (1, Role.LONG_TERM), (2, Role.LONG_TERM)]),
        (4, [(0, Role.CONDITIONING), (3, Role.SHORT_TERM), (1, Role.LONG_TERM), (2, Role.LONG_TERM)]),
    ],
)
def test_short_term_frames_see_the_condition_both_long_term_frames_and_what_was_just_tracked(
    t: int, expected: list[tuple[int, Role]]
) -> None:
    recall = divemem_memory().recall(t)[0]
    assert [(slot.memory.content, slot.role) for slot in recall.frames] == expected


def test_long_term_frames_lend_no_pointers() -> None:
    assert [slot.memory.content for slot in divemem_memory().recall(4)[0].pointers] == [0, 3]


def test_a_frame_that_is_prompted_remembers_nothing() -> None:
    assert divemem_memory().recall(0)[0].frames == ()


def test_corrected_frames_become_conditioning_ones() -> None:
    clip = next(clip for clip in (CLIPS[index] for index in range(20)) if not clip.is_divemem)
    memory = ClipMemory(clip, PromptPlan('click', (0,), (0, 2)), TrainingMemory())
    assert [memory.role(t) for t in range(3)] == [Role.CONDITIONING, Role.SHORT_TERM, Role.CONDITIONING]


def test_it_is_remembered_who_was_found() -> None:
    clip = next(clip for clip in (CLIPS[index] for index in range(20)) if not clip.is_divemem and len(clip.masks) == 2)
    memory = ClipMemory(clip, PromptPlan('box', (0,), ()), TrainingMemory())
    memory.add(0, torch.zeros(1), [Found(1.0, True)] * 2, ['prompted'] * 2)
    memory.add(1, torch.zeros(1), [Found(0.9, True), Found(0.1, False)], ['found', 'lost'])
    newest = [recall.frames[-1].memory for recall in memory.recall(2)]
    assert [(frame.content, frame.present) for frame in newest] == [('found', True), ('lost', False)]


@pytest.mark.parametrize('training', [True, False])
def test_a_network_is_in_use_for_a_while(training: bool) -> None:
    network = small_sam2s().train(training)
    with in_use(network):
        assert not network.training
    assert network.training == training
    with pytest.raises(RuntimeError, match='lost'), in_use(network):
        raise RuntimeError('lost')
    assert network.training == training


def test_frames_that_teach_nothing_are_tracked_as_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    network, clip = small_matching().train(), drawn_clips(frames=(8, 8))[0]
    track, learning = network.track_frame, []

    def watched(*arguments: Any) -> MaskOutput:
        learning.append(network.training)
        return track(*arguments)

    monkeypatch.setattr(network, 'track_frame', watched)
    mask = PromptSettings(kinds=(1.0, 0.0, 0.0), stray=0.0)
    clip_losses(network, clip, ClipRules(mask, TrainingMemory(true_masks=0.0), LossSettings(frames=3)), CPU)
    assert (learning.count(True), learning.count(False)) == (1 + 3, 4)  # the prompted frame is one of those that teach


@pytest.mark.parametrize(('min_iou', 'expected'), [(NEVER, 0), (0.85, 2)])
def test_of_five_good_frames_one_is_kept_for_long_where_that_is_wanted(min_iou: float, expected: int) -> None:
    clip = next(clip for clip in (CLIPS[index] for index in range(20)) if not clip.is_divemem)
    clip = replace(clip, roles=(Role.CONDITIONING, *[Role.SHORT_TERM] * 11), positions=tuple(range(12)))
    memory = ClipMemory(clip, PromptPlan('mask', (0,), ()), TrainingMemory(short_term=1, min_iou=min_iou))
    for t in range(12):
        memory.add(t, torch.eye(12)[t], [Found(0.9, True)] * len(clip.masks), [t] * len(clip.masks))
    roles = [slot.role for slot in memory.recall(11)[0].frames]
    assert roles.count(Role.LONG_TERM) == expected
