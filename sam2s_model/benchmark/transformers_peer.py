"""SAM 2.1's video model in the package `transformers`, size tiny with random weights, as a third contestant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sam2s_model.benchmark.case import Case
from sam2s_model.benchmark.frames import first_boxes
from sam2s_model.masklet import Frame

SIZE = 'tiny'  # the one that its configuration describes unless told otherwise
CORNERS = [2, 3]  # labels of a box


class Transformers:
    """Tracks the objects of a case with the video model of `transformers`; its weights are others than ours."""

    def __init__(self, case: Case, device: torch.device) -> None:
        from transformers import Sam2VideoInferenceSession, Sam2VideoModel

        torch.manual_seed(0)
        self.network: nn.Module = Sam2VideoModel(_configuration(case.image_size)).to(device).eval()
        self._side, self._device = case.image_size, device
        self._autocast = torch.autocast(device.type, torch.bfloat16, enabled=case.dtype == 'bfloat16')
        self._session: Any = Sam2VideoInferenceSession(
            video_height=self._side, video_width=self._side, inference_device=device, dtype=torch.float32
        )
        self._objects = case.objects

    def begin(self, frames: Sequence[Frame], full_memory: int) -> None:
        """Prompt the objects on the first frame and fill the memory with the first tracked one, again and again."""
        self._frames = frames
        with torch.inference_mode():
            self._session.add_new_frame(self._pixels(0), 0)
            for number, box in enumerate(first_boxes(self._side, self._objects)):
                index = self._session.obj_id_to_idx(number)
                points = torch.tensor(box, device=self._device).view(1, 1, 2, 2)
                labels = torch.tensor(CORNERS, dtype=torch.int32, device=self._device).view(1, 1, 2)
                self._session.add_point_inputs(index, 0, {'point_coords': points, 'point_labels': labels})
            self._session.obj_with_new_inputs = list(range(self._objects))
            with self._autocast:
                self.network(self._session, frame_idx=0)
        self._next = 1
        self.step()
        for of_object in self._session.output_dict_per_obj.values():
            tracked = of_object['non_cond_frame_outputs']
            tracked.update(dict.fromkeys(range(2, full_memory + 1), tracked[1]))
        self._next = full_memory + 1

    def step(self) -> object:
        """Track the next frame."""
        with torch.inference_mode(), self._autocast:
            self._session.add_new_frame(self._pixels(self._next), self._next)
            masks: Tensor = self.network(self._session, frame_idx=self._next).pred_masks
        self._next += 1
        return masks > 0

    def _pixels(self, index: int) -> Tensor:
        rgb = self._frames[index % len(self._frames)].rgb
        return torch.from_numpy(rgb).permute(2, 0, 1).float() / 255


def _configuration(side: int) -> Any:
    """SAM 2.1 tiny for square images of `side` pixels."""
    from transformers import Sam2VideoConfig

    published = Sam2VideoConfig()
    vision, prompts = published.vision_config.to_dict(), published.prompt_encoder_config.to_dict()
    vision['backbone_config']['image_size'] = [side, side]
    vision['backbone_feature_sizes'] = [[side // stride, side // stride] for stride in (4, 8, 16)]
    prompts['image_size'] = side
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=prompts,
        image_size=side,
        memory_attention_rope_feat_sizes=[side // 16, side // 16],
    )
