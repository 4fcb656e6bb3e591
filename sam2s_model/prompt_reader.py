"""Prompt reader: what clicks, boxes and masks so far on one frame mean.

It looks at the view of each prompt with the frozen trunk's maps, the prompt drawn into it, and the mask so far where
clicks correct one. One that reads tracked masks again, or seeks what was lost, also has in view how the object looked
when it was prompted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.convolutions import Conv2d
from sam2s_model.layers import Mlp
from sam2s_model.lite_trunk import LITE0, STRIDE4, LiteTrunk, build_stages
from sam2s_model.position_encoding import sine_2d
from sam2s_model.precision import in_float32
from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND, NO_POINT
from sam2s_model.refiner import ResidualBlock
from sam2s_model.two_way_transformer import Attention

STRIDE = 4  # pixels of the view per cell of its mask
NARROW, WIDE = 1.5, 8.0  # cells: widths of the two bumps that mark a click
BOX_MAPS = 3  # inside, and where between its edges
DRAWN = 4 + BOX_MAPS + 2  # clicks for and against in two widths, the box, the mask so far and whether there is one
UNSURE = 4.0  # logits of the mask so far are divided by it, then squashed
LOOKS = 16  # channels in which cells are compared with clicked ones
DILATIONS = (1, 3)
START_LOGIT = 1.5  # of the guess that learning starts from; one that is surer of itself learns little
CERTAIN = 10.0  # logit in the middle of a click, more than the network ever says
POINTED_TAPS = (True, False, True, False, True)  # stages above stride 4 whose last map is used
NOWHERE = -1.0  # similarity to clicks that nobody made
ON_OBJECT = 0.6  # share of a cell from which on it shows how an object looks
OFF_OBJECT = 0.05  # up to which it shows how the rest looks


class PromptDrawing(NamedTuple):
    """N prompts as their views show them.

    Attributes:
        points: (N, P, 2) x, y as shares of the view's side.
        labels: (N, P) kinds of points, see `prompt_encoder`.
        previous: (N, 1, h, w) logits of the mask so far at stride 4, None where there is none.
    """

    points: Tensor
    labels: Tensor
    previous: Tensor | None


class Reference(NamedTuple):
    """How N objects looked where they were prompted, for readings of later frames.

    Attributes:
        tokens: (N, B, L, C) the cells of the prompted view, as each block of attention was given them.
        looks: (N, LOOKS, h, w) its cells at stride 8, of unit length.
        shares: (N, 1, h, w) how much of these the object covers.
    """

    tokens: Tensor
    looks: Tensor
    shares: Tensor


class Looks(NamedTuple):
    """How one object looked where it was prompted: enlarged, for second looks, and in the whole frame, for searches."""

    near: Reference
    whole: Reference


class Reading(NamedTuple):
    """What N prompts mean: mask_logits (N, 1, h, w) at stride 4 of their views, iou (N,) predicted quality."""

    mask_logits: Tensor
    iou: Tensor


class PromptReader(nn.Module):
    """Segment what prompts mean in their views. Cells at stride 16 exchange what they know, then masks get finer."""

    def __init__(
        self,
        trunk: Sequence[int],
        deep: int = 96,
        middle: int = 48,
        fine: int = 24,
        depth: int = 3,
        heads: int = 4,
        refers: bool = False,
    ) -> None:
        """Take the channels of the trunk's maps at strides 4, 8, 16 and 32, and whether references are given."""
        super().__init__()
        finest, finer, coarse, coarsest = trunk
        self.trunk = PointedTrunk(finest)
        self.from_coarsest = Conv2d(coarsest, deep, kernel_size=1)
        self.from_coarse = Conv2d(coarse + DRAWN, deep, kernel_size=1)
        self.blocks = nn.ModuleList(SelfAttentionBlock(deep, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(deep)
        self.referred = nn.Parameter(torch.zeros(depth, 1, 1, deep)) if refers else None
        self.narrow = Conv2d(deep, middle, kernel_size=1)
        self.from_finer = Conv2d(finer, middle, kernel_size=1)
        self.look = Conv2d(2 * middle, LOOKS, kernel_size=1)
        self.mix = Conv2d(2 * middle + DRAWN + 2, middle, kernel_size=3, padding=1)
        self.refine = nn.Sequential(*(ResidualBlock(middle, dilation) for dilation in DILATIONS))
        self.narrower = Conv2d(middle, fine, kernel_size=1)
        self.from_finest = Conv2d(finest, fine, kernel_size=1)
        self.from_image = Conv2d(3 * STRIDE**2, fine, kernel_size=1)
        self.mix_finest = Conv2d(3 * fine + DRAWN, fine, kernel_size=3, padding=1)
        self.refine_finest = ResidualBlock(fine, 1)
        self.leave = Conv2d(fine, 1, kernel_size=3, padding=1)
        self.quality = Mlp(2 * deep, deep, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(torch.as_tensor(self.leave.bias))

    def forward(
        self,
        images: Tensor,
        stride4: Tensor,
        norms: Iterable[nn.Module],
        drawing: PromptDrawing,
        reference: Reference | None = None,
    ) -> Reading:
        """Read N prompts.

        Args:
            images: (N, 3, S, S) what the views show, S here their side; or (1, 3, S, S) of one view, in which nothing
                is pointed at and N objects are sought.
            stride4: The frozen trunk's map of them at stride 4.
            norms: What gives the channels of the trunk's maps at strides 4, 8, 16 and 32 unit variance.
            drawing: The prompts.
            reference: How the N objects looked when they were prompted, where that is known.
        """
        count = len(images) if reference is None else len(reference.looks)
        drawn = draw(drawing, stride4.shape[-1])
        maps = self._see(stride4, norms, drawn)
        entered, finer, finest = self._enter(maps, drawn), self.from_finer(maps[1]), self.from_finest(maps[0])
        pixels = _image_cells(self.from_image, images)
        entered, finer, finest, pixels, drawn = (
            part.expand(count, -1, -1, -1) for part in (entered, finer, finest, pixels, drawn)
        )
        deep, _ = self._exchange(entered, reference)
        middle = torch.cat((_double(self.narrow(deep)), finer), 1)
        likeness = self._likeness(self._looks(middle), drawing, reference)
        middle = self.refine(self.mix(torch.cat((middle, F.avg_pool2d(drawn, 2), likeness), 1)))
        fine = (_double(self.narrower(F.relu(middle))), finest, pixels)
        fine = self.refine_finest(self.mix_finest(torch.cat((*fine, drawn), 1)))
        logits = self.leave(F.relu(fine)).float() + start(drawn) + obeyed(drawn)
        return Reading(logits, self._judge(deep, logits))

    def refer(self, stride4: Tensor, norms: Iterable[nn.Module], drawing: PromptDrawing) -> Reference:
        """Note how N objects look; their masks are the masks so far in the drawing."""
        assert drawing.previous is not None, 'expected masks'
        drawn = draw(drawing, stride4.shape[-1])
        maps = self._see(stride4, norms, drawn)
        deep, tokens = self._exchange(self._enter(maps, drawn))
        looks = self._looks(torch.cat((_double(self.narrow(deep)), self.from_finer(maps[1])), 1))
        return Reference(tokens.float(), looks, F.avg_pool2d((drawing.previous > 0).float(), 2))

    def _see(self, stride4: Tensor, norms: Iterable[nn.Module], drawn: Tensor) -> list[Tensor]:
        """Maps at strides 4, 8, 16 and 32."""
        return [norm(features) for norm, features in zip(norms, self.trunk(stride4, drawn), strict=True)]

    def _enter(self, maps: Sequence[Tensor], drawn: Tensor) -> Tensor:
        coarse = self.from_coarse(torch.cat((maps[2], F.avg_pool2d(drawn, 4)), 1))
        entered: Tensor = coarse + _double(self.from_coarsest(maps[3]))
        return entered

    def _exchange(self, cells: Tensor, reference: Reference | None = None) -> tuple[Tensor, Tensor]:
        """Let all cells (N, C, h, w) attend to all, and to those of the reference; what each block was given, too."""
        position = sine_2d(cells.shape[1], *cells.shape[-2:], cells.device).flatten(2).transpose(1, 2)
        tokens = cells.flatten(2).transpose(1, 2) + position
        referred = [None] * len(self.blocks) if reference is None else self._mark(reference)
        given = []
        for block, others in zip(self.blocks, referred, strict=True):
            given.append(tokens)
            tokens = block(tokens, position, others)
        exchanged: Tensor = self.norm(tokens).transpose(1, 2).reshape(cells.shape)
        return exchanged, torch.stack(given, 1)

    def _mark(self, reference: Reference) -> Iterable[Tensor]:
        """The reference's tokens for each block, with what tells them from those of the view."""
        assert self.referred is not None, 'expected a reader that takes references'
        return [tokens + mark for tokens, mark in zip(reference.tokens.unbind(1), self.referred, strict=True)]

    def _looks(self, cells: Tensor) -> Tensor:
        """In which cells (N, C, h, w) are compared, (N, LOOKS, h, w), of unit length."""
        return F.normalize(self.look(cells).float(), dim=1)

    def _likeness(self, looks: Tensor, drawing: PromptDrawing, reference: Reference | None) -> Tensor:
        """How much each cell looks like clicked or referred ones, (N, 2, h, w): the best of those for, and against."""
        examples, kinds = _clicked(looks, drawing) if reference is None else _referred(reference)
        alike = torch.einsum('nchw,ncp->nphw', looks, examples)
        best = [
            alike.masked_fill((kinds != kind)[..., None, None], NOWHERE).amax(1) for kind in (FOREGROUND, BACKGROUND)
        ]
        return torch.stack(best, dim=1)

    def _judge(self, deep: Tensor, logits: Tensor) -> Tensor:
        share = F.avg_pool2d(logits.detach().sigmoid(), 4)
        inside = (deep * share).sum((2, 3)) / share.sum((2, 3)).clamp_min(1.0)
        with in_float32(deep):
            quality: Tensor = self.quality(torch.cat((inside, deep.mean((2, 3))), 1).float())
        return quality.squeeze(1).sigmoid()


class PointedTrunk(nn.Module):
    """The trunk's stages above stride 4 once more; they have the prompt in view, and learn.

    Prompts that are drawn into what a trunk reads, instead of into what it has read, are understood better
    (Sofiiuk et al. 2022, RITM).
    """

    def __init__(self, channels: int) -> None:
        """Take the channels of the map at stride 4."""
        super().__init__()
        self.point = Conv2d(DRAWN, channels, kernel_size=1)
        self.stages = build_stages(LITE0[STRIDE4 + 1 :], channels)
        nn.init.zeros_(self.point.weight)
        nn.init.zeros_(torch.as_tensor(self.point.bias))

    def start_from(self, trunk: LiteTrunk) -> None:
        """Begin as the trunk that knows of no prompts."""
        for own, stage in zip(self.stages, trunk.stages[STRIDE4 + 1 :], strict=True):
            own.load_state_dict(stage.state_dict())

    def forward(self, stride4: Tensor, drawn: Tensor) -> tuple[Tensor, ...]:
        """Maps (N, …) at strides 4, 8, 16 and 32 of views with prompts drawn into them."""
        features, maps = self.point(drawn, added=stride4), [stride4]
        for stage, tap in zip(self.stages, POINTED_TAPS, strict=True):
            features = stage(features)
            if tap:
                maps.append(features)
        return tuple(maps)


class SelfAttentionBlock(nn.Module):
    """Attention among tokens (N, L, C), then a feed-forward network; a norm before each."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, 3 * dim, dim, activation=F.gelu)

    def forward(self, tokens: Tensor, position: Tensor, others: Tensor | None = None) -> Tensor:
        """Update tokens (N, L, C) at positions (1, L, C); they attend to others (N, L, C) at the same ones, too."""
        normed = self.norm1(tokens)
        where = keys = normed + position
        values = normed
        if others is not None:
            more = self.norm1(others)
            keys, values = torch.cat((where, more + position), dim=1), torch.cat((normed, more), dim=1)
        tokens = tokens + self.attention(where, keys, values)
        updated: Tensor = tokens + self.mlp(self.norm2(tokens))
        return updated


def draw(drawing: PromptDrawing, side: int) -> Tensor:
    """Prompts as maps (N, DRAWN, side, side) of about unit size."""
    centres = (torch.arange(side, device=drawing.points.device) + 0.5) / side
    x, y = drawing.points.unbind(-1)
    clicks = [
        _bumps(x, y, drawing.labels == kind, centres, width / side)
        for width in (NARROW, WIDE)
        for kind in (FOREGROUND, BACKGROUND)
    ]
    maps = [*clicks, *_box_maps(x, y, drawing.labels, centres)]
    so_far = maps[0].new_zeros(len(x), 2, side, side)
    if drawing.previous is not None:
        so_far = torch.cat((torch.tanh(drawing.previous / UNSURE), torch.ones_like(drawing.previous)), dim=1)
    return torch.cat((torch.stack(maps, dim=1), so_far), dim=1)


def start(drawn: Tensor) -> Tensor:
    """Logits (N, 1, h, w) before anything is learnt: the mask so far, else the box, else what is near a click."""
    clicked, inside, so_far, is_corrected = drawn[:, [2]], drawn[:, [4]], drawn[:, [-2]], drawn[:, [-1]]
    prior = torch.maximum(clicked, inside) * 2 - 1
    return START_LOGIT * torch.where(is_corrected > 0, so_far, prior)


def obeyed(drawn: Tensor) -> Tensor:
    """Logits (N, 1, h, w) that keep a clicked spot what a person says it is, whatever the network thinks."""
    return CERTAIN * (drawn[:, [0]] - drawn[:, [1]])


def _clicked(looks: Tensor, drawing: PromptDrawing) -> tuple[Tensor, Tensor]:
    """Looks (N, LOOKS, P) of the clicked cells, and kinds (N, P) of the clicks."""
    clicked = F.grid_sample(looks, drawing.points[:, :, None] * 2 - 1, padding_mode='border', align_corners=False)
    return F.normalize(clicked[..., 0], dim=1), drawing.labels


def _referred(reference: Reference) -> tuple[Tensor, Tensor]:
    """Looks (N, LOOKS, P) of the reference's cells, and as what kind of click each of them counts, (N, P)."""
    shares = reference.shares.flatten(1)
    kinds = torch.full_like(shares, NO_POINT, dtype=torch.long)
    kinds[shares >= ON_OBJECT], kinds[shares <= OFF_OBJECT] = FOREGROUND, BACKGROUND
    return reference.looks.flatten(2), kinds


def _bumps(x: Tensor, y: Tensor, chosen: Tensor, centres: Tensor, width: float) -> Tensor:
    """(N, side, side): 1 where a chosen point (N, P) lies, falling off around it."""
    across, down = (torch.exp(-0.5 * ((p[..., None] - centres) / width) ** 2) for p in (x, y))
    return (down.unsqueeze(-1) * across.unsqueeze(-2) * chosen[..., None, None]).amax(1)


def _box_maps(x: Tensor, y: Tensor, labels: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, side, side) each: 1 inside the box, else 0; x and y inside it from -1 to 1, else 0."""
    spans = []
    for position in (x, y):
        low = position.masked_fill(labels != BOX_TOP_LEFT, torch.inf).amin(1, keepdim=True)
        high = position.masked_fill(labels != BOX_BOTTOM_RIGHT, -torch.inf).amax(1, keepdim=True)
        within = ((centres >= low) & (centres <= high)).float()
        spans.append((within, ((centres - low) / (high - low) * 2 - 1).nan_to_num(0.0, 0.0, 0.0) * within))
    (inside_x, along_x), (inside_y, along_y) = spans
    inside = inside_y[:, :, None] * inside_x[:, None]
    return inside, inside * along_x[:, None], inside * along_y[:, :, None]


def _image_cells(convolution: nn.Module, images: Tensor) -> Tensor:
    cells: Tensor = convolution(F.pixel_unshuffle(images, STRIDE))
    return cells


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode='bilinear', align_corners=False)
