"""Class names and their numbers, from a labels file; a name that is not in the file gets the next number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

LAST_CLASS_ID = 254  # 0 is background and 255 unlabelled in an 8-bit mask (vision_msgs/LabelInfo)


class BadLabelsFile(ValueError):
    """The labels file cannot be used; the message says why."""


class ClassTable:
    """Numbers of classes, from 1. Once given, a number is never changed. An underscore in a name counts as a space."""

    def __init__(self, ids: Mapping[str, int] | None = None) -> None:
        self._ids = {_spelling(name): number for name, number in (ids or {}).items()}

    @property
    def ids(self) -> Mapping[str, int]:
        return dict(self._ids)

    def id_of(self, label: str) -> int:
        """Return the class's number: 0 for an empty label or when all numbers are given away."""
        return self._ids.get(_spelling(label), 0)

    def add(self, label: str) -> None:
        """Give a new class the next free number; do nothing for one that is known, or when no number is left."""
        following = max(self._ids.values(), default=0) + 1
        if label and _spelling(label) not in self._ids and following <= LAST_CLASS_ID:
            self._ids[_spelling(label)] = following


def _spelling(name: str) -> str:
    return name.replace('_', ' ')


def load_class_table(path: Path) -> ClassTable:
    """Read ``classes: {name: number, …}`` from a YAML file.

    Raises:
        FileNotFoundError: There is no such file.
        BadLabelsFile: It is not of that form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise BadLabelsFile(f'{path} is not valid YAML: {error}') from error
    classes = content.get('classes') if isinstance(content, dict) else None
    if not isinstance(classes, dict):
        raise BadLabelsFile(f'{path}: expected "classes:" with lines "name: number", came {content!r}')
    return ClassTable(_checked(path, classes))


def _checked(path: Path, classes: Mapping[Any, Any]) -> dict[str, int]:
    for name, number in classes.items():
        if not isinstance(name, str) or type(number) is not int or not 1 <= number <= LAST_CLASS_ID:
            raise BadLabelsFile(f'{path}: expected "name: number" with 1 to {LAST_CLASS_ID}, came {name!r}: {number!r}')
    if len(set(classes.values())) < len(classes):
        raise BadLabelsFile(f'{path}: two classes have the same number; give each its own')
    return dict(classes)
