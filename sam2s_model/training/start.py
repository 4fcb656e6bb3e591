"""The network that training starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from sam2s_model.build import SHIPPED_INSTRUMENTS, AnyNetwork, build_network
from sam2s_model.checkpoint import LITE, load_weights, read_weights
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.semantics import InstrumentBank, read_bank
from sam2s_model.training.clips import Clips
from sam2s_model.training.import_trunk import read_lite0

NORM_CLIPS = 24  # clips from which the statistics of the trunk's maps are taken
SHIPPED = 'shipped'
Precision = Literal['auto', 'float32', 'bfloat16']


@dataclass(frozen=True)
class NetworkSettings:
    """What is trained.

    Attributes:
        size: One of `sam2s_model.SIZES`.
        checkpoint: Weights to start from: an official SAM 2.1 checkpoint, or ours. 'lite' starts without any from its
            ImageNet trunk.
        image_size: Side of the network's own input in pixels; None takes the size's own.
        instruments: Instrument bank whose classes the network learns to tell (L_tsl): 'shipped', or a file; empty
            leaves the semantic branch out.
        frozen: Weights whose names begin so are not trained.
        copied: Parts that begin as others are, `{mask_reader: prompt_reader}`, whatever the checkpoint says of them.
    """

    size: str = LITE
    checkpoint: str = ''
    image_size: int | None = None
    instruments: str = ''
    frozen: tuple[str, ...] = ()
    copied: dict[str, str] = field(default_factory=dict)


def open_bank(settings: NetworkSettings) -> InstrumentBank | None:
    """The classes that the network learns to tell; None without a semantic branch."""
    if not settings.instruments:
        return None
    return read_bank(SHIPPED_INSTRUMENTS if settings.instruments == SHIPPED else Path(settings.instruments))


def build_for_training(settings: NetworkSettings, clips: Clips) -> AnyNetwork:
    """Build the network and give it the weights it starts from.

    Raises:
        ValueError: No such size, a size other than 'lite' without a checkpoint, or a part that does not exist.
    """
    if settings.size != LITE and not settings.checkpoint:
        raise ValueError(
            f'network.checkpoint: expected a SAM 2.1 checkpoint of size {settings.size!r}, came nothing; '
            'give its path, for example network.checkpoint=sam2.1_hiera_base_plus.pt'
        )
    bank = open_bank(settings)
    network = build_network(settings.size, settings.image_size, semantic_dim=None if bank is None else bank.dim)
    if settings.checkpoint:
        load_weights(network, read_weights(Path(settings.checkpoint)), settings.checkpoint)
    elif isinstance(network, MatchingSam2s):
        network.trunk.load_state_dict(read_lite0())
        for reader in (network.prompt_reader, network.mask_reader, network.seeker):
            reader.trunk.start_from(network.trunk)
        network.fit_tap_norms(_some_images(clips))
    copy_parts(network, settings.copied)
    freeze(network, settings.frozen)
    return network


def copy_parts(network: nn.Module, copied: Mapping[str, str]) -> None:
    """Give parts the weights of others; what these do not have stays as it is."""
    for name, other in copied.items():
        try:
            unknown = network.get_submodule(name).load_state_dict(
                network.get_submodule(other).state_dict(), strict=False
            )
            fits = not unknown.unexpected_keys
        except (AttributeError, RuntimeError):  # no such part; another shape
            fits = False
        if not fits:
            parts = [part for part, _ in network.named_children()]
            raise ValueError(
                f'network.copied: expected two parts that are built alike, of {parts}, came {name!r}: {other!r}'
            )


def freeze(network: nn.Module, prefixes: Iterable[str]) -> None:
    """Exclude weights from training."""
    weights = dict(network.named_parameters())
    for prefix in prefixes:
        chosen = [weight for name, weight in weights.items() if name.startswith(prefix)]
        if not chosen:
            parts = sorted({name.split('.')[0] for name in weights})
            raise ValueError(f'network.frozen: expected names that begin like one of {parts}, came {prefix!r}')
        for weight in chosen:
            weight.requires_grad_(False)


def _some_images(clips: Clips) -> torch.Tensor:
    frames = [torch.from_numpy(clips[index].frames[0]).permute(2, 0, 1) for index in range(NORM_CLIPS)]
    smallest = min(frame.shape[-1] for frame in frames)
    return torch.stack([frame[:, :smallest, :smallest] for frame in frames]).float() / 127.5 - 1
