"""The loss of one clip: prompt, track and correct with the code that the tracker runs, and compare with the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.image_transforms import to_input
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.network import Calibration, FrameFeatures, MaskOutput, MemoryContent, Network, PromptBatch
from sam2s_model.semantics import InstrumentBank
from sam2s_model.training.clip_memory import ClipMemory, Found, TrainingMemory
from sam2s_model.training.clips import Clip
from sam2s_model.training.losses import DECODER_STRIDE, Classes, Losses, LossSettings, judge, mask_targets
from sam2s_model.training.person import Person
from sam2s_model.training.prompt_plan import PromptPlan, PromptSettings, plan_prompts
from sam2s_model.training.semantic_loss import class_targets

MASK_LOGIT = 10.0


@dataclass(frozen=True)
class ClipRules:
    """How a clip becomes a loss.

    Attributes:
        prompts: How it is prompted and corrected.
        memory: What is remembered within it.
        loss: What is minimised.
        bank: The classes of instruments for L_tsl; None leaves it out.
    """

    prompts: PromptSettings = field(default_factory=PromptSettings)
    memory: TrainingMemory = field(default_factory=TrainingMemory)
    loss: LossSettings = field(default_factory=LossSettings)
    bank: InstrumentBank | None = None


class ClipOutcome(NamedTuple):
    """What came of one clip.

    Attributes:
        losses: Losses of every decoding.
        mask_logits: (N, 1, S/4, S/4) for each frame, the masks at the end of it.
    """

    losses: list[Losses]
    mask_logits: list[Tensor]

    def total(self, settings: LossSettings) -> Tensor | None:
        """What is minimised; None where nothing was decoded."""
        if not self.losses:
            return None
        totals = torch.stack([losses.total(settings) for losses in self.losses])
        return totals.sum() if settings.summed else totals.mean()


class Decoding(NamedTuple):
    """Masks and what they answer; None where nobody has pointed at anything. Whether that was a search."""

    output: MaskOutput
    prompt: PromptBatch | None
    sought: bool = False


def clip_losses(network: Network, clip: Clip, rules: ClipRules, device: torch.device) -> ClipOutcome:
    """Losses of every decoding of a clip."""
    rng = np.random.default_rng(clip.seed)
    plan = plan_prompts(rng, rules.prompts, clip)
    person = Person(rng, rules.prompts, plan, clip, device)
    memory = ClipMemory(clip, plan, rules.memory)
    images = [to_input(f, f.shape[0], network.pixel_mean, network.pixel_std, device) for f in clip.frames]
    calibration = network.calibrate(images[0])
    classes = None if rules.bank is None else Classes(class_targets(clip.class_names, rules.bank), rules.bank)
    losses: list[Losses] = []
    shown: dict[int, Tensor] = {}
    lessons = _lessons(rng, plan, len(images), rules.loss.frames)
    order = plan.order(len(images))
    for t in order:
        if t not in lessons:
            shown[t] = _only_track(network, images[t], calibration, memory, t)
            continue
        features = network.encode_image(images[t], calibration)
        masks = torch.from_numpy(clip.masks[:, t]).float().to(device)
        targets = mask_targets(masks, rules.loss)
        recalls = memory.recall(t)
        for output, prompt, sought in _decode(network, features, recalls, person, t):
            if output.proposals is not None or output.semantics is not None:
                multimask = answers_with_alternatives(network, prompt)
                settings = replace(rules.loss, empty_absent=True) if sought else rules.loss
                losses.append(judge(output, targets, multimask, settings, classes))
        shown[t] = output.mask_logits.detach()
        if t == order[-1]:
            break  # nothing comes after it
        if rng.random() < rules.memory.true_masks:
            output = output._replace(mask_logits=_true_logits(masks))
        prompted = memory.role(t) is Role.CONDITIONING
        _remember(memory, t, features, output, network.encode_memory(features, recalls, output, prompted))
    return ClipOutcome(losses, [shown[t] for t in range(len(images))])


def _lessons(rng: np.random.Generator, plan: PromptPlan, frames: int, wanted: int) -> set[int]:
    """The frames to learn from: all that are prompted, and `wanted` of the others, or all of them for 0."""
    prompted = {*plan.conditioning, *plan.corrected}
    others = [t for t in range(frames) if t not in prompted]
    if 0 < wanted < len(others):
        others = rng.choice(others, wanted, replace=False).tolist()
    return prompted | set(others)


@torch.no_grad()
def _only_track(network: Network, image: Tensor, calibration: Calibration, memory: ClipMemory, t: int) -> Tensor:
    """Track frame t as in use, and remember what came out; returns its mask logits."""
    features = network.encode_image(image, calibration)
    recalls = memory.recall(t)
    with in_use(network):
        output = network.track_frame(features, recalls, None)
    _remember(memory, t, features, output, network.encode_memory(features, recalls, output, prompted=False))
    return output.mask_logits


@contextmanager
def in_use(network: Network) -> Iterator[None]:
    """A network that is trained does for a while all that it does in use."""
    assert isinstance(network, nn.Module)
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _remember(
    memory: ClipMemory, t: int, features: FrameFeatures, output: MaskOutput, contents: Sequence[MemoryContent]
) -> None:
    found = map(Found, output.iou.tolist(), (output.object_score > 0).tolist())
    memory.add(t, features.embedding, list(found), contents)


def answers_with_alternatives(network: Network, prompt: PromptBatch | None) -> bool:
    """Whether the answer was one of SAM 2's masks 1 to 3: after one click, and when tracking."""
    if isinstance(network, MatchingSam2s):
        return False
    return prompt is None or prompt.points.shape[1] <= 1


def _decode(
    network: Network, features: FrameFeatures, recalls: list[Recall[MemoryContent]], person: Person, t: int
) -> Iterator[Decoding]:
    """Track or prompt frame t, seek and look again where that is learnt, then correct it click by click."""
    everyone = range(len(recalls))
    prompt = person.first_prompt(t)
    output = network.track_frame(features, recalls, prompt)
    yield Decoding(output, prompt)
    if prompt is None and isinstance(network, MatchingSam2s) and network.learns_to_seek:
        sought = network.seek(features.image, recalls, output._replace(semantics=None), everyone)
        yield Decoding(sought, prompt, sought=True)
    if prompt is None and isinstance(network, MatchingSam2s) and network.learns_to_look_again:
        output = network.look_again(features.image, recalls, output._replace(semantics=None), everyone)
        yield Decoding(output, prompt)
    for _ in range(person.clicks(t, output)):
        prompt = person.click(t, prompt, output.mask_logits)
        output = network.track_frame(features, recalls, prompt)
        yield Decoding(output, prompt)


def _true_logits(masks: Tensor) -> Tensor:
    """Mask logits (N, 1, S/4, S/4) of true masks (N, S, S)."""
    return (F.avg_pool2d(masks, DECODER_STRIDE).unsqueeze(1) * 2 - 1) * MASK_LOGIT
