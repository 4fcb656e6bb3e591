"""Turn plain YAML content into nested frozen dataclasses; every mistake names key, what was expected and what came."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Settings = TypeVar('Settings')


class InvalidSetting(ValueError):
    """A setting cannot be used; the message names its key, what was expected and what came."""


def build_settings(kind: type[Settings], content: object, place: str = '') -> Settings:
    """Make a settings dataclass from a mapping as YAML gives it.

    Raises:
        InvalidSetting: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    declared: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]
    known = {field.name: field for field in declared}
    if not isinstance(content, Mapping):
        raise InvalidSetting(f'{place or "settings"}: expected keys with values, came {content!r}')
    unknown = [_name(place, str(key)) for key in content if key not in known]
    if unknown:
        raise InvalidSetting(f'{", ".join(unknown)}: expected one of the keys {sorted(known)}, came an unknown one')
    missing = [name for name, field in known.items() if _is_required(field) and name not in content]
    if missing:
        raise InvalidSetting(f'{_name(place, missing[0])}: expected a value, came nothing')
    types_of = get_type_hints(kind)
    values = {key: _convert(types_of[key], value, _name(place, key)) for key, value in content.items()}
    try:
        return kind(**values)
    except InvalidSetting:
        raise
    except ValueError as reason:
        raise InvalidSetting(_name(place, str(reason))) from None


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _name(place: str, key: str) -> str:
    return f'{place}.{key}' if place else key


def _convert(kind: Any, value: object, key: str) -> Any:
    """The value as its type wants it."""
    if is_dataclass(kind) and isinstance(kind, type):
        return build_settings(kind, {} if value is None else value, key)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _convert(arguments[0], value, key)
    if origin is Literal and value in arguments:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return _convert_list(kind, arguments, list(value), key)
    if origin is dict and isinstance(value, Mapping):
        return {str(name): _convert(arguments[1], part, _name(key, str(name))) for name, part in value.items()}
    if kind is float and _is_number(value):
        return float(value)  # type: ignore[arg-type]
    if kind in (int, bool, str) and type(value) is kind:
        return value
    raise InvalidSetting(f'{key}: expected {_describe(kind)}, came {value!r}')


def _convert_list(kind: Any, arguments: tuple[Any, ...], values: list[object], key: str) -> tuple[Any, ...]:
    endless = arguments[-1] is Ellipsis
    if not endless and len(values) != len(arguments):
        raise InvalidSetting(f'{key}: expected {_describe(kind)}, came {values!r}')
    types_of = [arguments[0]] * len(values) if endless else arguments
    return tuple(_convert(part, value, key) for part, value in zip(types_of, values, strict=True))


def _is_number(value: object) -> bool:
    """YAML reads 1e-5, without a point, as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _describe(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f'one of {list(arguments)}'
    if origin is tuple and arguments[-1] is Ellipsis:
        return f'a list of {_describe(arguments[0])}'
    if origin is tuple:
        return f'{len(arguments)} values ({", ".join(_describe(part) for part in arguments)})'
    if origin in (Union, types.UnionType):
        return f'{_describe(arguments[0])} or nothing'
    if origin is dict or is_dataclass(kind):
        return 'keys with values'
    return {int: 'a whole number', float: 'a number', bool: 'true or false', str: 'text'}.get(kind, str(kind))
