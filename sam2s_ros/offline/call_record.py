"""One call of the tracker and what came out, as a line of text."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from sam2s_model import (
    BoxPrompt,
    FrameNotTracked,
    FrameResult,
    InvalidPrompt,
    Label,
    MaskPrompt,
    NotFinite,
    ObjectMask,
    Prompt,
)
from sam2s_ros.run_lengths import MaskRuns, decode_mask, encode_mask

# What a call may raise that a run outlives; it is raised again when the call is played back.
ANSWERS: dict[str, type[Exception]] = {
    'InvalidPrompt': InvalidPrompt,
    'NotFinite': NotFinite,
    'FrameNotTracked': FrameNotTracked,
}


@dataclass(frozen=True)
class CallRecord:
    """What was asked, and the answer: a result, an error by its name in `ANSWERS` and its text, or neither.

    Attributes:
        asked: Name of the method and what tells this call from others.
    """

    asked: tuple[str, ...]
    result: FrameResult | None = None
    error: tuple[str, str] | None = None

    def line(self) -> str:
        """As JSON."""
        result = None if self.result is None else _plain_result(self.result)
        return json.dumps({'asked': self.asked, 'result': result, 'error': self.error}, separators=(',', ':'))

    @classmethod
    def read(cls, line: str) -> CallRecord:
        """From JSON."""
        plain = json.loads(line)
        result = None if plain['result'] is None else _result(plain['result'])
        return cls(tuple(plain['asked']), result, tuple(plain['error']) if plain['error'] else None)


def fingerprint(prompt: Prompt) -> str:
    """A short text that differs for different prompts."""
    if isinstance(prompt, MaskPrompt):
        return hashlib.sha256(repr(prompt.mask.shape).encode() + np.packbits(prompt.mask).tobytes()).hexdigest()
    box = prompt.box if isinstance(prompt, BoxPrompt) else ()
    return repr((box, prompt.points, prompt.labels))


def _plain_result(result: FrameResult) -> dict[str, Any]:
    objects = [_plain_object(found) for found in result.objects]
    size = result.objects[0].mask.shape if result.objects else (0, 0)
    return {'index': result.frame_index, 'stamp': result.stamp_ns, 'size': list(size), 'objects': objects}


def _plain_object(found: ObjectMask) -> list[Any]:
    runs, label = encode_mask(found.mask), found.label
    mask = [runs.x, runs.y, runs.width, runs.height, runs.counts.tolist()]
    named = None if label is None else [label.name, label.probability, label.margin]
    return [found.object_id, mask, float(found.score), float(found.presence), named]


def _result(plain: dict[str, Any]) -> FrameResult:
    height, width = plain['size']
    objects = tuple(_object(found, height, width) for found in plain['objects'])
    return FrameResult(plain['index'], plain['stamp'], objects)


def _object(plain: list[Any], height: int, width: int) -> ObjectMask:
    object_id, (x, y, box_width, box_height, counts), score, presence, named = plain
    runs = MaskRuns(x, y, box_width, box_height, np.array(counts, np.uint32))
    label = None if named is None else Label(*named)
    return ObjectMask(object_id, decode_mask(runs, height, width), score, presence, label)
