"""What the values of parameters must be, one by one and together."""

from __future__ import annotations

import re
from typing import Any

from sam2s_ros.parameters import BadParameter, NamedField, Parameters

SHA256 = re.compile(r'[0-9a-fA-F]{64}')
WITHOUT_CHECKPOINT = ('lite', 'auto')


def checked_value(named: NamedField, value: Any) -> Any:
    """The value in the type of its field.

    Raises:
        BadParameter: Wrong type, out of range, or none of the choices.
    """
    default = named.default
    # `alpha:=1` is an integer to ROS; whoever writes it means 1.0.
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        raise BadParameter(f'{named.name}: expected {type(default).__name__}, came {value!r}')
    if named.limits and not named.limits[0] <= value <= named.limits[1]:
        raise BadParameter(f'{named.name}: expected {named.limits[0]} to {named.limits[1]}, came {value}')
    if named.choices and value not in named.choices:
        raise BadParameter(f'{named.name}: expected one of {", ".join(named.choices)}, came {value!r}')
    return value


def check_together(parameters: Parameters) -> None:
    """Check what no parameter can be asked alone.

    Raises:
        BadParameter: They do not fit together.
    """
    model, queue, watchdog = parameters.model, parameters.queue, parameters.watchdog
    if model.size not in WITHOUT_CHECKPOINT and not model.checkpoint:
        raise BadParameter(f'model.size: {model.size} is shipped without weights; set model.checkpoint first')
    if model.sha256 and not SHA256.fullmatch(model.sha256):
        raise BadParameter(f'model.sha256: expected 64 hexadecimal digits or nothing, came {model.sha256!r}')
    if model.backend == 'onnxruntime' and not model.graphs:
        raise BadParameter(
            'model.graphs: expected a folder with model.backend onnxruntime, came nothing; '
            'make one with `python -m sam2s_model.onnx CHECKPOINT FOLDER`'
        )
    if queue.waiting_images > parameters.input.buffer_frames:
        raise BadParameter(
            f'queue.depth: {queue.depth} images may wait, but input.buffer_frames remembers '
            f'{parameters.input.buffer_frames}; a prompt would not find its image'
        )
    if watchdog.first_timeout < watchdog.timeout:
        raise BadParameter(
            f'watchdog.first_timeout: expected at least watchdog.timeout, {watchdog.timeout:g} s, '
            f'came {watchdog.first_timeout:g} s'
        )
