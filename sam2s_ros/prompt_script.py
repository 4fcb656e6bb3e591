"""Prompt scripts: what a person pointed at, on which images of a recording. docs/prompt_scripts.md explains more.

image_topic: /endoscope/image_raw/compressed
prompts:                                     # any number; of one stamp in the order in which they are given
  - stamp_ns: 1700000000000000000            # stamp of the image the prompt was drawn on, nanoseconds
    object_id: grasper_1                     # the object's name; a second prompt for a name corrects it
    label: grasper                           # class name, optional
    box: [100, 80, 260, 240]                 # x0 y0 x1 y1 in image pixels …
    points: [[150, 120], [90, 90]]           # … and / or clicks x y in image pixels …
    point_labels: [1, 0]                     # … 1 on the object, 0 beside it
  - stamp_ns: 1700000002400000000
    object_id: needle
    mask: prompts/needle.png                 # or the mask, an image file beside the script, not zero is the object …
  - stamp_ns: 1700000003000000000
    object_id: thread
    mask: {size: [4, 6], counts: [8, 4, 12]} # … or its COCO run lengths
    replace: true                            # forget what was known of the object first
  - stamp_ns: 1700000009000000000
    object_id: grasper_1
    remove: true                             # stop tracking it
ground_truth:                                # optional: true masks to compare with
  topic: /ground_truth/instances/compressed  # label images with the stamps of the images
  values: {grasper_1: 1, needle: 3}          # object name to label value
  ignore_values: [255]                       # optional: label values that are not scored
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from sam2s_model import Prompt
from sam2s_ros.atomic_file import write_atomically
from sam2s_ros.drawn_prompts import DRAWN, drawn_values, read_drawn


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
        replaces: Forget what was known of the object first; otherwise a prompt for a known one corrects it.
        topic: Image topic it is for; empty for that of the script.
    """

    stamp_ns: int
    object_id: str
    label: str
    prompt: Prompt
    replaces: bool = False
    topic: str = ''


@dataclass(frozen=True)
class ScriptedRemoval:
    """An object that is not tracked any more from the image after this one on; fields as in `ScriptedPrompt`."""

    stamp_ns: int
    object_id: str
    topic: str = ''


ScriptEntry: TypeAlias = ScriptedPrompt | ScriptedRemoval


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
    """All prompts and removals of one recording, ordered by stamp, and its true masks if it has any."""

    image_topic: str
    entries: tuple[ScriptEntry, ...]
    ground_truth: GroundTruth | None = None

    def by_stamp(self) -> list[tuple[int, list[ScriptEntry]]]:
        """The entries of each image, in order of stamps."""
        return [(stamp, list(entries)) for stamp, entries in groupby(self.entries, key=lambda entry: entry.stamp_ns)]

    def of_topic(self, topic: str, is_main: bool) -> PromptScript:
        """What is for one image topic: the entries that name it and, for the main one, those that name none."""
        own = tuple(entry for entry in self.entries if entry.topic == topic or (is_main and not entry.topic))
        return replace(self, image_topic=topic, entries=own)

    @property
    def prompts(self) -> tuple[ScriptedPrompt, ...]:
        """The entries without the removals."""
        return tuple(entry for entry in self.entries if isinstance(entry, ScriptedPrompt))

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


def read_prompt_script(path: Path) -> PromptScript:
    """Read a prompt script, YAML or JSON.

    Raises:
        BadPromptScript: It is no script. The message names file, line and entry, what was expected and what came.
        FileNotFoundError: There is no such file.
    """
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.json':
        text = text.replace('\t', ' ')  # the one thing that keeps JSON from being YAML; no string may hold one
    try:
        content, lines = yaml.safe_load(text), _lines_of_prompts(text)
    except yaml.YAMLError as error:
        raise BadPromptScript(f'{path}: expected YAML or JSON, came {error}') from error
    parts = _fields(content, str(path), required={'image_topic', 'prompts'}, optional={'ground_truth'})
    listed = parts['prompts']
    if not isinstance(listed, list):
        raise BadPromptScript(f'{path}: expected a list of prompts, came {listed!r:.80}')
    entries = [
        _entry(entry, f'{path}, line {line}, prompt {n}', path.parent)
        for n, (entry, line) in enumerate(zip(listed, lines, strict=True), 1)
    ]
    truth = parts.get('ground_truth')
    return PromptScript(
        image_topic=str(parts['image_topic']),
        entries=tuple(sorted(entries, key=lambda entry: entry.stamp_ns)),
        ground_truth=None if truth is None else _ground_truth(truth, f'{path}, ground_truth'),
    )


def write_prompt_script(script: PromptScript, path: Path) -> None:
    """Write a prompt script as YAML, masks as run lengths; the file is replaced as a whole.

    Raises:
        OSError: It cannot be written. What was there before is as it was.
    """
    write_atomically(path, prompt_script_text(script))


def prompt_script_text(script: PromptScript) -> str:
    """A prompt script as it is written."""
    return script_text(script.image_topic, [entry_values(e) for e in script.entries], script.ground_truth)


def script_text(image_topic: str, entries: Iterable[dict[str, Any]], truth: GroundTruth | None = None) -> str:
    """The same of entries as they stand in a script."""
    content: dict[str, Any] = {'image_topic': image_topic, 'prompts': list(entries)}
    if truth:
        content['ground_truth'] = {'topic': truth.topic, 'values': dict(truth.values)}
        if truth.ignore_values:
            content['ground_truth']['ignore_values'] = list(truth.ignore_values)
    return str(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120))


def _lines_of_prompts(text: str) -> list[int]:
    """In which line of the file each entry of `prompts` begins."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    parts = root.value if isinstance(root, yaml.MappingNode) else []
    listed = [value for key, value in parts if key.value == 'prompts' and isinstance(value, yaml.SequenceNode)]
    return [entry.start_mark.line + 1 for entry in listed[-1].value] if listed else []


def _entry(entry: Any, where: str, folder: Path) -> ScriptEntry:
    optional = {'label', 'replace', 'remove', 'topic', *DRAWN}
    fields = _fields(entry, where, required={'stamp_ns', 'object_id'}, optional=optional)
    try:
        stamp, object_id, topic = _stamp(fields['stamp_ns']), str(fields['object_id']), str(fields.get('topic', ''))
        if _flag(fields, 'remove'):
            _nothing_else(fields)
            return ScriptedRemoval(stamp, object_id, topic)
        prompt = read_drawn(fields, folder)
        return ScriptedPrompt(stamp, object_id, str(fields.get('label', '')), prompt, _flag(fields, 'replace'), topic)
    except ValueError as error:
        raise BadPromptScript(f'{where}: {error}') from error


def _stamp(value: Any) -> int:
    try:
        if isinstance(value, float):
            raise ValueError  # a float cannot hold nanoseconds since 1970
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f'expected stamp_ns as whole nanoseconds, came {value!r}') from None


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f'expected true or false for {name}, came {value!r}')
    return value


def _nothing_else(fields: dict[str, Any]) -> None:
    if others := sorted(fields.keys() & {'label', 'replace', *DRAWN}):
        raise ValueError(f'expected a removal alone, came one with {", ".join(others)}')


def entry_values(entry: ScriptEntry) -> dict[str, Any]:
    """An entry as it stands in a prompt script; masks as run lengths."""
    values: dict[str, Any] = {'stamp_ns': entry.stamp_ns, 'object_id': entry.object_id}
    if entry.topic:
        values['topic'] = entry.topic
    if isinstance(entry, ScriptedRemoval):
        return values | {'remove': True}
    if entry.label:
        values['label'] = entry.label
    if entry.replaces:
        values['replace'] = True
    return values | drawn_values(entry.prompt)


def _ground_truth(entry: Any, where: str) -> GroundTruth:
    fields = _fields(entry, where, required={'topic', 'values'}, optional={'ignore_values'})
    try:
        values = {str(object_id): int(value) for object_id, value in fields['values'].items()}
        ignore = tuple(int(value) for value in fields.get('ignore_values', ()))
    except (AttributeError, TypeError, ValueError) as error:
        raise BadPromptScript(f'{where}: expected values {{object: number}}, came {error}') from error
    return GroundTruth(str(fields['topic']), values, ignore)


def _fields(entry: Any, where: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BadPromptScript(f'{where}: expected names and values, came {entry!r:.80}')
    came = _listed(entry)
    if missing := required - entry.keys():
        raise BadPromptScript(f'{where}: expected {_listed(missing)}, came only {came or "nothing"}')
    if unknown := entry.keys() - required - optional:
        raise BadPromptScript(f'{where}: expected some of {_listed(required | optional)}, came {_listed(unknown)}')
    return entry


def _listed(names: Iterable[Any]) -> str:
    return ', '.join(sorted(map(str, names)))
