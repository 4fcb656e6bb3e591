"""The classes of an instrument bank in words, from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PLAIN_TEMPLATE = '{}'


class BadClassList(ValueError):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class ClassList:
    """What a text encoder shall read.

    Attributes:
        phrases: Class name to everything that the class is called, the name included.
        templates: Sentences with `{}` in the place of a phrase.
    """

    phrases: dict[str, tuple[str, ...]]
    templates: tuple[str, ...]

    def sentences(self, name: str) -> list[str]:
        """All phrases of a class in all templates."""
        return [template.replace('{}', phrase) for phrase in self.phrases[name] for template in self.templates]


def read_class_list(path: Path) -> ClassList:
    """Read `classes:` with lines `name: [other phrase, …]` and, optionally, `templates: [sentence with {}, …]`.

    A number or nothing instead of the phrases means that the name says it all, so that the labels file of the ROS node
    is a class list, too. An underscore in a name is read as a space.

    Raises:
        FileNotFoundError: There is no such file.
        BadClassList: It is not of that form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise BadClassList(f'{path} is not valid YAML: {error}') from error
    classes = content.get('classes') if isinstance(content, dict) else None
    if not isinstance(classes, dict) or not classes:
        raise BadClassList(f'{path}: expected "classes:" with lines "name: [phrase, …]", came {content!r}')
    phrases = {str(name): _phrases(path, str(name), value) for name, value in classes.items()}
    return ClassList(phrases, _templates(path, content.get('templates', [PLAIN_TEMPLATE])))


def _phrases(path: Path, name: str, value: Any) -> tuple[str, ...]:
    others = [] if value is None or isinstance(value, int) else value
    if not isinstance(others, list) or not all(isinstance(phrase, str) for phrase in others):
        raise BadClassList(f'{path}: expected a list of phrases for {name!r}, came {value!r}')
    return (name.replace('_', ' '), *others)


def _templates(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and '{}' in text for text in value):
        raise BadClassList(f'{path}: expected templates with {{}} in the place of the name, came {value!r}')
    return tuple(value)
