"""The parts' weights have the names and shapes of the released checkpoints, in every size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import nn

from sam2s_model.hiera import Hiera
from sam2s_model.image_encoder import FpnNeck, ImageEncoder
from sam2s_model.mask_decoder import MaskDecoder
from sam2s_model.memory_attention import MemoryAttention
from sam2s_model.memory_encoder import MemoryEncoder
from sam2s_model.prompt_encoder import PromptEncoder
from sam2s_model.sizes import HIERA_SIZES

Shape = tuple[int, ...]

# Written down from the released SAM 2.1 models: first input, output width and blocks of each trunk.
TRUNK_BLOCKS = {
    'tiny': [(96, 96), (96, 192), *[(192, 192)], (192, 384), *[(384, 384)] * 6, (384, 768), (768, 768)],
    'base_plus': [
        *[(112, 112)] * 2,
        (112, 224),
        *[(224, 224)] * 2,
        (224, 448),
        *[(448, 448)] * 15,
        (448, 896),
        *[(896, 896)] * 2,
    ],
}
POSITION_SIDE = {'tiny': 7, 'base_plus': 14}

# Layers of the parts that are the same in all sizes; {a,b} stands for several names. Each has a weight and a bias.
LAYERS: dict[str, Shape] = {
    'memory_attention.layers.{0,1,2,3}.self_attn.{q,k,v,out}_proj': (256, 256),
    'memory_attention.layers.{0,1,2,3}.cross_attn_image.{q,out}_proj': (256, 256),
    'memory_attention.layers.{0,1,2,3}.cross_attn_image.{k,v}_proj': (256, 64),
    'memory_attention.layers.{0,1,2,3}.linear1': (2048, 256),
    'memory_attention.layers.{0,1,2,3}.linear2': (256, 2048),
    'memory_attention.layers.{0,1,2,3}.norm{1,2,3}': (256,),
    'memory_attention.norm': (256,),
    'memory_encoder.mask_downsampler.encoder.0': (4, 1, 3, 3),
    'memory_encoder.mask_downsampler.encoder.1': (4,),
    'memory_encoder.mask_downsampler.encoder.3': (16, 4, 3, 3),
    'memory_encoder.mask_downsampler.encoder.4': (16,),
    'memory_encoder.mask_downsampler.encoder.6': (64, 16, 3, 3),
    'memory_encoder.mask_downsampler.encoder.7': (64,),
    'memory_encoder.mask_downsampler.encoder.9': (256, 64, 3, 3),
    'memory_encoder.mask_downsampler.encoder.10': (256,),
    'memory_encoder.mask_downsampler.encoder.12': (256, 256, 1, 1),
    'memory_encoder.pix_feat_proj': (256, 256, 1, 1),
    'memory_encoder.fuser.layers.{0,1}.dwconv': (256, 1, 7, 7),
    'memory_encoder.fuser.layers.{0,1}.norm': (256,),
    'memory_encoder.fuser.layers.{0,1}.pwconv1': (1024, 256),
    'memory_encoder.fuser.layers.{0,1}.pwconv2': (256, 1024),
    'memory_encoder.out_proj': (64, 256, 1, 1),
    'sam_prompt_encoder.mask_downscaling.0': (4, 1, 2, 2),
    'sam_prompt_encoder.mask_downscaling.1': (4,),
    'sam_prompt_encoder.mask_downscaling.3': (16, 4, 2, 2),
    'sam_prompt_encoder.mask_downscaling.4': (16,),
    'sam_prompt_encoder.mask_downscaling.6': (256, 16, 1, 1),
    'sam_mask_decoder.transformer.layers.{0,1}.self_attn.{q,k,v,out}_proj': (256, 256),
    'sam_mask_decoder.transformer.layers.{0,1}.cross_attn_{token_to_image,image_to_token}.{q,k,v}_proj': (128, 256),
    'sam_mask_decoder.transformer.layers.{0,1}.cross_attn_{token_to_image,image_to_token}.out_proj': (256, 128),
    'sam_mask_decoder.transformer.layers.{0,1}.mlp.layers.0': (2048, 256),
    'sam_mask_decoder.transformer.layers.{0,1}.mlp.layers.1': (256, 2048),
    'sam_mask_decoder.transformer.layers.{0,1}.norm{1,2,3,4}': (256,),
    'sam_mask_decoder.transformer.final_attn_token_to_image.{q,k,v}_proj': (128, 256),
    'sam_mask_decoder.transformer.final_attn_token_to_image.out_proj': (256, 128),
    'sam_mask_decoder.transformer.norm_final_attn': (256,),
    'sam_mask_decoder.output_upscaling.0': (256, 64, 2, 2),
    'sam_mask_decoder.output_upscaling.1': (64,),
    'sam_mask_decoder.output_upscaling.3': (64, 32, 2, 2),
    'sam_mask_decoder.conv_s0': (32, 256, 1, 1),
    'sam_mask_decoder.conv_s1': (64, 256, 1, 1),
    'sam_mask_decoder.output_hypernetworks_mlps.{0,1,2,3}.layers.{0,1}': (256, 256),
    'sam_mask_decoder.output_hypernetworks_mlps.{0,1,2,3}.layers.2': (32, 256),
    'sam_mask_decoder.iou_prediction_head.layers.{0,1}': (256, 256),
    'sam_mask_decoder.iou_prediction_head.layers.2': (4, 256),
    'sam_mask_decoder.pred_obj_score_head.layers.{0,1}': (256, 256),
    'sam_mask_decoder.pred_obj_score_head.layers.2': (1, 256),
}

# Tensors that stand alone.
TENSORS: dict[str, Shape] = {
    'memory_encoder.fuser.layers.{0,1}.gamma': (256,),
    'sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix': (2, 128),
    'sam_prompt_encoder.point_embeddings.{0,1,2,3}.weight': (1, 256),
    'sam_prompt_encoder.{not_a_point,no_mask}_embed.weight': (1, 256),
    'sam_mask_decoder.{iou_token,obj_score_token}.weight': (1, 256),
    'sam_mask_decoder.mask_tokens.weight': (4, 256),
}


def spelled_out(pattern: str) -> Iterator[str]:
    """Every name that a pattern with {a,b} choices stands for."""
    pieces = re.split(r'\{(.*?)\}', pattern)
    choices = [[piece] if i % 2 == 0 else piece.split(',') for i, piece in enumerate(pieces)]
    yield from (''.join(names) for names in product(*choices))


def with_bias(layers: dict[str, Shape]) -> dict[str, Shape]:
    """Weight and bias of every layer; transposed convolutions count their outputs second."""
    tensors: dict[str, Shape] = {}
    for layer, shape in layers.items():
        transposed = layer.endswith(('output_upscaling.0', 'output_upscaling.3'))
        tensors |= {f'{layer}.weight': shape, f'{layer}.bias': (shape[1 if transposed else 0],)}
    return tensors


def trunk_tensors(size: str) -> dict[str, Shape]:
    blocks = TRUNK_BLOCKS[size]
    width = blocks[0][0]
    layers: dict[str, Shape] = {'patch_embed.proj': (width, 3, 7, 7)}
    for i, (before, after) in enumerate(blocks):
        layers[f'blocks.{i}.norm1'] = (before,)
        layers[f'blocks.{i}.attn.qkv'] = (3 * after, before)
        layers[f'blocks.{i}.attn.proj'] = (after, after)
        layers[f'blocks.{i}.norm2'] = (after,)
        layers[f'blocks.{i}.mlp.layers.0'] = (4 * after, after)
        layers[f'blocks.{i}.mlp.layers.1'] = (after, 4 * after)
        if before != after:
            layers[f'blocks.{i}.proj'] = (after, before)
    side = POSITION_SIDE[size]
    return {'pos_embed': (1, width, side, side), 'pos_embed_window': (1, width, 8, 8), **with_bias(layers)}


def neck_tensors(size: str) -> dict[str, Shape]:
    finest = TRUNK_BLOCKS[size][0][0]
    return with_bias({f'convs.{i}.conv': (256, finest * 2 ** (3 - i), 1, 1) for i in range(4)})


def expected_tensors(size: str) -> dict[str, Shape]:
    trunk = {f'image_encoder.trunk.{name}': shape for name, shape in trunk_tensors(size).items()}
    neck = {f'image_encoder.neck.{name}': shape for name, shape in neck_tensors(size).items()}
    layers = {name: shape for pattern, shape in LAYERS.items() for name in spelled_out(pattern)}
    tensors = {name: shape for pattern, shape in TENSORS.items() for name in spelled_out(pattern)}
    return {**trunk, **neck, **with_bias(layers), **tensors}


def parts(size: str) -> nn.ModuleDict:
    """The parts under the names that the checkpoints give them, without storage."""
    hiera = HIERA_SIZES[size]
    with torch.device('meta'):
        return nn.ModuleDict(
            {
                'image_encoder': ImageEncoder(Hiera(hiera), FpnNeck(hiera.channels)),
                'memory_attention': MemoryAttention(),
                'memory_encoder': MemoryEncoder(),
                'sam_prompt_encoder': PromptEncoder(),
                'sam_mask_decoder': MaskDecoder(),
            }
        )


@pytest.mark.parametrize('size', TRUNK_BLOCKS)
def test_tensors_are_named_and_shaped_as_in_the_released_checkpoint(size: str) -> None:
    ours = {name: tuple(tensor.shape) for name, tensor in parts(size).state_dict().items()}
    assert ours == expected_tensors(size)


# At the top level: mask_downsample (2), obj_ptr_proj (6), obj_ptr_tpos_proj (2) and five embeddings.
@pytest.mark.parametrize(('size', 'tensors'), [('tiny', 471), ('small', 519), ('base_plus', 615), ('large', 903)])
def test_the_parts_hold_all_but_the_fifteen_tensors_of_the_top_level(size: str, tensors: int) -> None:
    assert len(parts(size).state_dict()) == tensors - 15
