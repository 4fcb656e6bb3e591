"""Prompt scripts: which prompts to give on which images of a recording, as a small YAML file.

image_topic: /endoscope/image_raw/compressed
prompts:                                     # any number, in any order
  - stamp_ns: 1700000000000000000            # stamp of the image the prompt was drawn on, nanoseconds
    object_id: grasper_1                     # the object's name; a second prompt for a name corrects it
    label: grasper                           # class name, optional
    box: [100, 80, 260, 240]                 # x0 y0 x1 y1 in image pixels …
    points: [[150, 120], [90, 90]]           # … and / or clicks x y in image pixels …
    point_labels: [1, 0]                     # … 1 on the object, 0 beside it
  - stamp_ns: 1700000002400000000
    object_id: needle
    mask: prompts/needle.png                 # or the mask, an image file beside the script, not zero is the object
ground_truth:                                # optional: true masks to compare with
  topic: /ground_truth/instances/compressed  # label images with the stamps of the images
  values: {grasper_1: 1, needle: 3}          # object name to label value
  ignore_values: [255]                       # optional: label values that are not scored
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import yaml

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt, Prompt


class BadPromptScript(ValueError):
    """The file is no prompt script; the message says where and why."""


@dataclass(frozen=True)
class ScriptedPrompt:
    """One prompt and the image it belongs to.

    Attributes:
        stamp_ns: Stamp of the image, nanoseconds.
        object_id: The object's name.
        label: Its class name, empty when unknown.
        prompt: Points, box or mask in image pixels.
    """

    stamp_ns: int
    object_id: str
    label: str
    prompt: Prompt


@dataclass(frozen=True)
class GroundTruth:
    """Where a recording holds true masks.

    Attributes:
        topic: Topic with label images, stamped like the images.
        values: Object id to label value.
        ignore_values: Label values whose pixels are not scored.
    """

    topic: str
    values: dict[str, int]
    ignore_values: tuple[int, ...] = ()


@dataclass(frozen=True)
class PromptScript:
    """All prompts of one recording, ordered by stamp, and its true masks if it has any."""

    image_topic: str
    prompts: tuple[ScriptedPrompt, ...]
    ground_truth: GroundTruth | None = None

    def by_stamp(self) -> list[tuple[int, list[ScriptedPrompt]]]:
        """The prompts of each image, in order of stamps."""
        return [(stamp, list(prompts)) for stamp, prompts in groupby(self.prompts, key=lambda prompt: prompt.stamp_ns)]

    @property
    def first_prompts(self) -> dict[str, ScriptedPrompt]:
        """Object id to the first prompt of the object, in the order of stamps."""
        first: dict[str, ScriptedPrompt] = {}
        for prompt in self.prompts:
            first.setdefault(prompt.object_id, prompt)
        return first


def script_beside(bag: Path) -> Path | None:
    """The script that lies with a recording, if there is one: prompts.yaml in its folder, or NAME.prompts.yaml."""
    beside = bag / 'prompts.yaml' if bag.is_dir() else bag.with_suffix('.prompts.yaml')
    return beside if beside.is_file() else None


def read_script(path: Path) -> PromptScript:
    """Read a prompt script.

    Raises:
        BadPromptScript: It is no YAML, or an entry is unknown, missing or of the wrong kind.
        FileNotFoundError: There is no such file.
    """
    text = path.read_text()
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadPromptScript(f'expected YAML in {path}: {error}') from error
    entries = _fields(content, str(path), required={'image_topic', 'prompts'}, optional={'ground_truth'})
    if not isinstance(entries['prompts'], list):
        raise BadPromptScript(f'expected a list of prompts in {path}, got {type(entries["prompts"]).__name__}')
    prompts = [_prompt(entry, f'{path}, prompt {n}', path.parent) for n, entry in enumerate(entries['prompts'], 1)]
    truth = entries.get('ground_truth')
    return PromptScript(
        image_topic=str(entries['image_topic']),
        prompts=tuple(sorted(prompts, key=lambda prompt: prompt.stamp_ns)),
        ground_truth=None if truth is None else _ground_truth(truth, str(path)),
    )


def write_script(script: PromptScript, path: Path) -> None:
    """Write a prompt script; masks become PNG files in a folder `prompts` beside it."""
    content: dict[str, Any] = {
        'image_topic': script.image_topic,
        'prompts': [_prompt_entry(prompt, path.parent, n) for n, prompt in enumerate(script.prompts, 1)],
    }
    if truth := script.ground_truth:
        content['ground_truth'] = {'topic': truth.topic, 'values': truth.values}
        if truth.ignore_values:
            content['ground_truth']['ignore_values'] = list(truth.ignore_values)
    path.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None))


def _prompt(entry: Any, where: str, folder: Path) -> ScriptedPrompt:
    drawn = {'box', 'points', 'point_labels', 'mask'}
    fields = _fields(entry, where, required={'stamp_ns', 'object_id'}, optional={'label'} | drawn)
    try:
        stamp = int(fields['stamp_ns'])
        prompt = _mask(folder / fields['mask']) if 'mask' in fields else _drawn(fields)
    except (TypeError, ValueError) as error:
        raise BadPromptScript(f'{where}: {error}') from error
    return ScriptedPrompt(stamp, str(fields['object_id']), str(fields.get('label', '')), prompt)


def _drawn(fields: dict[str, Any]) -> Prompt:
    points = tuple((float(x), float(y)) for x, y in fields.get('points', ()))
    labels = tuple(int(label) for label in fields.get('point_labels', ()))
    if len(points) != len(labels):
        raise ValueError(f'{len(points)} points came with {len(labels)} point_labels; give one label a point')
    if 'box' in fields:
        x0, y0, x1, y1 = (float(edge) for edge in fields['box'])
        return BoxPrompt((x0, y0, x1, y1), points, labels)
    if not points:
        raise ValueError('the prompt is empty; give a box, points with point_labels, or a mask')
    return PointPrompt(points, labels)


def _mask(path: Path) -> MaskPrompt:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f'expected a mask image at {path}; there is none that can be read')
    return MaskPrompt(image != 0)


def _ground_truth(entry: Any, where: str) -> GroundTruth:
    fields = _fields(entry, f'{where}, ground_truth', required={'topic', 'values'}, optional={'ignore_values'})
    try:
        values = {str(object_id): int(value) for object_id, value in fields['values'].items()}
        ignore = tuple(int(value) for value in fields.get('ignore_values', ()))
    except (AttributeError, TypeError, ValueError) as error:
        raise BadPromptScript(f'{where}, ground_truth: expected values {{object: number}}; {error}') from error
    return GroundTruth(str(fields['topic']), values, ignore)


def _fields(entry: Any, where: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BadPromptScript(f'{where}: expected names and values, got {type(entry).__name__}')
    if missing := required - entry.keys():
        raise BadPromptScript(f'{where}: {", ".join(sorted(missing))} is missing')
    if unknown := entry.keys() - required - optional:
        raise BadPromptScript(
            f'{where}: unknown {", ".join(sorted(map(str, unknown)))}; known are {_listed(required | optional)}'
        )
    return entry


def _listed(names: Iterable[str]) -> str:
    return ', '.join(sorted(names))


def _prompt_entry(scripted: ScriptedPrompt, folder: Path, number: int) -> dict[str, Any]:
    entry: dict[str, Any] = {'stamp_ns': scripted.stamp_ns, 'object_id': scripted.object_id}
    if scripted.label:
        entry['label'] = scripted.label
    prompt = scripted.prompt
    if isinstance(prompt, MaskPrompt):
        name = f'prompts/{number}.png'
        (folder / 'prompts').mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), prompt.mask.astype('uint8') * 255)
        return entry | {'mask': name}
    if isinstance(prompt, BoxPrompt):
        entry['box'] = list(prompt.box)
    if prompt.points:
        entry |= {'points': [list(point) for point in prompt.points], 'point_labels': list(prompt.labels)}
    return entry
