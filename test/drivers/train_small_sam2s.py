"""Make what lies in test/fixtures: a phantom video, and a small SAM 2.1 that was trained on it until it tracks it.

    PYTHONPATH=test/drivers python test/drivers/train_small_sam2s.py [STEPS]

It goes on from weights that are there. No need to run it again when the phantom changes: the video is kept, too.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np
import torch
from parity_videos import LENGTH, PHANTOM, PHANTOM_SIDE, phantom_strips, write_strips
from safetensors.torch import load_file, save_file
from small_sam2s import SIZE, WEIGHTS, WIDTHS

from sam2s_model.frame_memory import Role
from sam2s_model.mask_decoder import MaskDecoder
from sam2s_model.phantom import generate, preset
from sam2s_model.sam2s import Sam2s
from sam2s_model.training.clip_loss import ClipRules, clip_losses
from sam2s_model.training.clips import Clip

SEED = 18  # of the phantom: three things that stay in sight
STEPS, CLIPS_PER_STEP = 1500, 2
REPORTED = 50
RATE, WARM_UP = 1e-3, 20
LONGEST = 8  # frames of a clip
SMALLEST = 0.005  # share of the image that an object must cover to be prompted


def main(steps: int) -> None:
    """Film, train, keep."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if not PHANTOM.is_dir():
        side = PHANTOM_SIDE
        video = generate(preset('training', height=side, width=side, frames=LENGTH, absence=0.0, photos=False), SEED)
        write_strips(PHANTOM, video.frames, video.labels)
    network = start()
    for step, loss in train(network, steps):
        print(f'step {step}: loss {loss:.3f}', flush=True)
        weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
        save_file(weights, WEIGHTS)


def start() -> Sam2s:
    """The weights that are there, or fresh ones that learn faster than zeros would."""
    network = Sam2s(SIZE, PHANTOM_SIDE, widths=WIDTHS).train()
    if WEIGHTS.is_file():
        network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
        return network
    with torch.no_grad():
        network.image_encoder.trunk.pos_embed.normal_(std=0.02)
        network.maskmem_tpos_enc.normal_(std=0.02)
        for layer in network.memory_encoder.fuser.layers:
            layer.gamma.fill_(0.1)
    return network


def train(network: Sam2s, steps: int) -> Iterator[tuple[int, float]]:
    """AdamW on random windows of the video, forward and backward in time; its rate falls as a cosine.

    Yields:
        Now and then the step and the mean loss.
    """
    optimizer = torch.optim.AdamW(network.parameters(), RATE, betas=(0.9, 0.99), weight_decay=0.01)
    source, rules, losses = clips(), ClipRules(), []
    for step in range(steps):
        share = min((step + 1) / WARM_UP, 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group['lr'] = RATE * share
        optimizer.zero_grad(set_to_none=True)
        for _ in range(CLIPS_PER_STEP):
            total = clip_losses(network, next(source), rules, torch.device('cpu')).total(rules.loss)
            if total is not None:
                (total / CLIPS_PER_STEP).backward()
                losses.append(total.item())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        make_alternatives_alike(network.sam_mask_decoder)
        if (step + 1) % REPORTED == 0:
            yield step + 1, float(np.mean(losses[-REPORTED:]))


@torch.no_grad()
def make_alternatives_alike(decoder: MaskDecoder) -> None:
    """Give masks 1 to 3 the mean of their weights; else they share out the few objects, and none can track them all."""
    quality = decoder.iou_prediction_head.layers[-1]
    for weight in (decoder.mask_tokens.weight, quality.weight, quality.bias):
        weight[1:] = weight[1:].mean(0)
    for weights in zip(*(head.parameters() for head in decoder.output_hypernetworks_mlps[1:]), strict=True):
        mean = torch.stack(weights).mean(0)
        for weight in weights:
            weight.copy_(mean)


def clips() -> Iterator[Clip]:
    """Windows of the video."""
    frames, labels = phantom_strips()
    masks = np.array([labels == number for number in range(1, labels.max() + 1)])
    rng = np.random.default_rng(0)
    while True:
        count, stride = int(rng.integers(1, LONGEST + 1)), int(rng.integers(1, 5))
        chosen = rng.integers(0, LENGTH - stride * (count - 1)) + stride * np.arange(count)
        chosen = chosen[:: int(rng.choice((-1, 1)))]
        shown = masks[:, chosen]
        shown = shown[shown[:, 0].mean((1, 2)) > SMALLEST]
        roles = (Role.CONDITIONING, *[Role.SHORT_TERM] * (count - 1))
        names = ('',) * len(shown)
        yield Clip(frames[chosen], shown, int(rng.integers(2**31)), roles, tuple(range(count)), names)


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS)
