"""Both implementations, ready to track frame after frame with a full memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import torch
from torch import nn

from sam2s_model.benchmark.case import Case
from sam2s_model.benchmark.frames import FRAME_NS, first_boxes
from sam2s_model.build import LITE_MEMORY, SHIPPED_WEIGHTS, build_network
from sam2s_model.checkpoint import StateDict, load_weights, read_weights, semantic_dim
from sam2s_model.masklet import Frame
from sam2s_model.memory_settings import SAM2
from sam2s_model.prompt import BoxPrompt
from sam2s_model.tracker import Tracker

FULL_MEMORY = 16  # frames after which a track of SAM 2 remembers as much as it ever will
CONFIGS = {'tiny': 't', 'small': 's', 'base_plus': 'b+', 'large': 'l'}


class Contestant(Protocol):
    """Tracks the objects of a case."""

    network: nn.Module

    def step(self) -> object:
        """Track the next frame."""
        ...


class Ours:
    """Our tracker; the sizes that ship no weights are timed with random ones."""

    def __init__(
        self, case: Case, frames: Sequence[Frame], device: torch.device, weights: StateDict | None = None
    ) -> None:
        if not case.has_reference:
            weights = read_weights(SHIPPED_WEIGHTS)
        network = build_network(case.model, case.image_size, case.switches, semantic_dim(weights or {}))
        if weights is not None:
            load_weights(network, weights, 'benchmark')
        network.compute_in(getattr(torch, case.dtype))
        self.network: nn.Module = network.to(device).eval()
        self._memory = SAM2 if case.has_reference else LITE_MEMORY
        self._tracker = Tracker(network, device, self._memory)
        self._frames = frames
        self._next = 1
        for n, box in enumerate(first_boxes(case.image_size, case.objects)):
            self._tracker.prompt(frames[0], str(n), BoxPrompt(box))
        self.step()
        self._fill_memory()

    def step(self) -> object:
        """Track the next frame; after the last one, the first comes again with a later stamp."""
        image = self._frames[self._next % len(self._frames)]
        self._next += 1
        return self._tracker.step(replace(image, stamp_ns=self._next * FRAME_NS))

    def _fill_memory(self) -> None:
        """Remember the first tracked frame again and again: memory costs by its size, whatever it holds."""
        lasting = self._memory.long_term_capacity
        for track in self._tracker._tracks.values():
            first = track.bank.find(1)
            assert first is not None
            # Not offered to DiveMem, which would compare it with other frames: what is chosen must not depend on luck.
            first = replace(first, present=False)
            for n in range(lasting):
                track.bank.add_long_term(replace(first, index=-1 - n))
            for index in range(2, FULL_MEMORY + 1):
                track.bank.add_tracked(replace(first, index=index, stamp_ns=index * FRAME_NS))
        self._tracker._stream.next_index = self._next = FULL_MEMORY + 1


class Reference:
    """The video predictor of the PyPI package `sam2` with random weights (extra `reference`)."""

    def __init__(self, case: Case, device: torch.device) -> None:
        from sam2.build_sam import build_sam2_video_predictor

        _draw_no_bars()
        torch.manual_seed(0)
        self.network = build_sam2_video_predictor(
            f'configs/sam2.1/sam2.1_hiera_{CONFIGS[case.model]}.yaml',
            None,
            device=str(device),
            apply_postprocessing=False,
            hydra_overrides_extra=[f'++model.image_size={case.image_size}'],
        )
        self._case = case
        self._autocast = torch.autocast(device.type, torch.bfloat16, enabled=case.dtype == 'bfloat16')

    def begin(self, frames: Sequence[Frame]) -> None:
        """Prompt the objects on the first frame and fill the memory; it reads the whole video beforehand."""
        with tempfile.TemporaryDirectory() as video, torch.inference_mode(), self._autocast:
            for n, frame in enumerate(frames):
                cv2.imwrite(str(Path(video) / f'{n}.jpg'), cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))
            self._state = self.network.init_state(video)
            for n, box in enumerate(first_boxes(self._case.image_size, self._case.objects)):
                self.network.add_new_points_or_box(self._state, 0, n, box=box)
            self._track(0)
            self._track(1)
        for of_object in self._state['output_dict_per_obj'].values():
            tracked = of_object['non_cond_frame_outputs']
            tracked.update(dict.fromkeys(range(2, FULL_MEMORY + 1), tracked[1]))
        self._next = FULL_MEMORY + 1

    def step(self) -> object:
        """Track the next frame."""
        with torch.inference_mode(), self._autocast:
            masks = self._track(self._next)
        self._next += 1
        return masks

    def _track(self, index: int) -> Any:
        *_, (_, _, masks) = self.network.propagate_in_video(self._state, index, max_frame_num_to_track=0)
        return masks > 0


def _draw_no_bars() -> None:
    """The reference draws a progress bar for every call, however short."""
    from sam2 import sam2_video_predictor
    from sam2.utils import misc

    for module in (sam2_video_predictor, misc):
        module.tqdm = lambda items, **_: items
