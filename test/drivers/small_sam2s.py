"""A small SAM 2.1 of ours with trained weights, and the reference implementation in the same widths.

The published widths would take 40 MB, random weights mask nothing. `train_small_sam2s.py` made the file of weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HieraSize, Widths

SIZE = HieraSize(embed_dim=16, heads=1, blocks=(1, 1, 2, 1), global_blocks=(3,))
WIDTHS = Widths(d_model=64, memory_dim=16, memory_ffn=192, decoder_heads=4, decoder_ffn=192, iou_hidden=64)
WEIGHTS = Path(__file__).resolve().parents[1] / 'fixtures' / 'small_sam2s.safetensors'

TRUNK = {
    'embed_dim': SIZE.embed_dim,
    'num_heads': SIZE.heads,
    'stages': list(SIZE.blocks),
    'global_att_blocks': list(SIZE.global_blocks),
}
OVERRIDES = {
    **{f'image_encoder.trunk.{name}': value for name, value in TRUNK.items()},
    'image_encoder.neck.d_model': WIDTHS.d_model,
    'image_encoder.neck.position_encoding.num_pos_feats': WIDTHS.d_model,
    'image_encoder.neck.backbone_channel_list': list(reversed(SIZE.channels)),
    'memory_attention.d_model': WIDTHS.d_model,
    'memory_attention.layer.d_model': WIDTHS.d_model,
    'memory_attention.layer.dim_feedforward': WIDTHS.memory_ffn,
    'memory_attention.layer.self_attention.embedding_dim': WIDTHS.d_model,
    'memory_attention.layer.cross_attention.embedding_dim': WIDTHS.d_model,
    'memory_attention.layer.cross_attention.kv_in_dim': WIDTHS.memory_dim,
    'memory_encoder.in_dim': WIDTHS.d_model,
    'memory_encoder.out_dim': WIDTHS.memory_dim,
    'memory_encoder.position_encoding.num_pos_feats': WIDTHS.memory_dim,
    'memory_encoder.mask_downsampler.embed_dim': WIDTHS.d_model,
    'memory_encoder.fuser.layer.dim': WIDTHS.d_model,
}


def small_sam2s(side: int) -> Sam2s:
    """Our implementation, trained."""
    network = Sam2s(SIZE, side, widths=WIDTHS)
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval()


def small_reference(build_reference: Callable[..., Any], side: int) -> Any:
    """The reference implementation with the same weights, strictly loaded."""
    overrides = [f'++model.{name}={value}'.replace(' ', '') for name, value in OVERRIDES.items()]
    model = build_reference('tiny', side, *overrides)
    model.sam_mask_decoder = reference_decoder(WIDTHS)
    weights = small_sam2s(side).state_dict()
    model.load_state_dict({name: value for name, value in weights.items() if not name.startswith('divemem.')})
    return model.eval()


def reference_decoder(widths: Widths) -> Any:
    """The reference's mask decoder; its builder knows one width only, its classes take any."""
    from sam2.modeling.sam.mask_decoder import MaskDecoder
    from sam2.modeling.sam.transformer import TwoWayTransformer

    transformer = TwoWayTransformer(
        depth=2, embedding_dim=widths.d_model, num_heads=widths.decoder_heads, mlp_dim=widths.decoder_ffn
    )
    return MaskDecoder(
        transformer_dim=widths.d_model,
        transformer=transformer,
        iou_head_hidden_dim=widths.iou_hidden,
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        use_multimask_token_for_obj_ptr=True,
    )
