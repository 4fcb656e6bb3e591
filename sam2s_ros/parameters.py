"""ROS parameters as frozen dataclasses. The dataclasses are the one place that knows names, defaults and ranges."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

Group = TypeVar('Group')


class BadParameter(ValueError):
    """A parameter cannot be used; the message names it, what was expected and what came."""


def _parameter(
    default: Any,
    description: str,
    limits: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    name: str = '',
) -> Any:
    metadata = {'description': description, 'limits': limits, 'choices': choices, 'name': name}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ModelParameters:
    size: str = _parameter('lite', 'Network: lite is shipped with weights, tiny to large need a SAM 2.1 checkpoint.')
    checkpoint: str = _parameter('', 'Weights, .safetensors or .pt; empty for those shipped with lite.')
    device: str = _parameter('auto', 'auto, cpu, cuda, cuda:N or mps; auto takes CUDA where there is one.')
    precision: str = _parameter(
        'auto',
        'Number type of the network; auto: bfloat16 for lite where the device is fast with it, else float32.',
        choices=('auto', 'float32', 'bfloat16', 'float16'),
    )
    tf32: bool = _parameter(False, 'CUDA may multiply float32 with 10 bits of mantissa: faster, less exact.')
    image_size: int = _parameter(0, 'Side of the square that the network sees, pixels; 0 for its own.', (0, 1024))
    instruments: str = _parameter('', 'Instrument bank that the weights were trained with; empty for the shipped one.')
    threads: int = _parameter(0, 'CPU threads of the network; 0 leaves it to torch.', (0, 256))


@dataclass(frozen=True)
class InputParameters:
    transport: str = _parameter(
        'auto',
        'raw: image; compressed: image/compressed; auto: what is published, compressed if both are.',
        choices=('raw', 'compressed', 'auto'),
        name='image_transport',  # as every node that subscribes to images calls it
    )
    reliability: str = _parameter(
        'auto',
        'auto: reliable where every publisher offers it, else best_effort.',
        choices=('auto', 'reliable', 'best_effort'),
    )
    max_side: int = _parameter(8192, 'Larger images are refused, pixels.', (64, 16384))
    buffer_frames: int = _parameter(64, 'Images remembered for prompts drawn on one that has passed.', (1, 1000))
    buffer_megabytes: int = _parameter(256, 'The same limit in megabytes of image messages.', (1, 16384))


@dataclass(frozen=True)
class TrackingParameters:
    max_objects: int = _parameter(16, 'More objects are refused.', (1, 254))
    uncertain_score: float = _parameter(0.6, 'Predicted mask quality below which an object is UNCERTAIN.', (0.0, 1.0))
    confirm_after: float = _parameter(0.2, 'Seconds that an object must be seen well to be TRACKED.', (0.0, 10.0))
    lost_after: float = _parameter(0.6, 'Seconds out of sight after which an object is LOST.', (0.1, 60.0))
    auto_freeze: bool = _parameter(True, 'Hold memory while the video is blank, frozen, out of the body or smoke.')
    catch_up_frames: int = _parameter(
        8, 'Images on which an object is tracked again, at most, after a prompt on one that has passed.', (0, 128)
    )


@dataclass(frozen=True)
class LabelParameters:
    file: str = _parameter('', 'YAML file with the numbers of the classes; empty for the one of this package.')


@dataclass(frozen=True)
class OverlayParameters:
    alpha: float = _parameter(0.45, 'Opacity of the masks in the overlay.', (0.0, 1.0))
    max_side: int = _parameter(960, 'Larger images are shrunk for the overlay by a whole number, pixels.', (64, 16384))
    jpeg_quality: int = _parameter(80, 'JPEG quality of the compressed overlay.', (1, 100))


@dataclass(frozen=True)
class BinaryParameters:
    classes: str = _parameter('', 'Class names that ~/binary/mask shows, commas between them; empty for all objects.')


@dataclass(frozen=True)
class ServiceParameters:
    max_pending: int = _parameter(64, 'Requests that may wait for the tracker; more are answered BUSY.', (1, 1000))
    max_wait: float = _parameter(5.0, 'Longest time that a request waits for its result, seconds.', (0.0, 60.0))


@dataclass(frozen=True)
class Parameters:
    """All parameters of the tracker node, grouped as their names are: ``model.size``, ``input.max_side`` …"""

    model: ModelParameters
    input: InputParameters
    tracking: TrackingParameters
    labels: LabelParameters
    overlay: OverlayParameters
    binary: BinaryParameters
    services: ServiceParameters


def declare_parameters(node: Node) -> Parameters:
    """Declare all parameters, read-only, and read what the launch file or the command line set.

    Raises:
        BadParameter: A value has the wrong type, is out of range or none of the choices, or a name is unknown.
    """
    parameters = Parameters(
        model=_declare(node, 'model', ModelParameters),
        input=_declare(node, 'input', InputParameters),
        tracking=_declare(node, 'tracking', TrackingParameters),
        labels=_declare(node, 'labels', LabelParameters),
        overlay=_declare(node, 'overlay', OverlayParameters),
        binary=_declare(node, 'binary', BinaryParameters),
        services=_declare(node, 'services', ServiceParameters),
    )
    _refuse_unknown_names(node)
    return parameters


def _declare(node: Node, prefix: str, group: type[Group]) -> Group:
    values = {spec.name: _declare_one(node, parameter_name(prefix, spec), spec) for spec in fields(group)}  # type: ignore[arg-type]
    return group(**values)


def parameter_name(prefix: str, spec: Field[Any]) -> str:
    """The ROS name of a field: its group and its own, unless it has a name that everybody knows."""
    return spec.metadata['name'] or f'{prefix}.{spec.name}'


def _declare_one(node: Node, name: str, spec: Field[Any]) -> Any:
    try:
        value = node.declare_parameter(name, spec.default, _descriptor(spec)).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise BadParameter(f'parameter {name}: {error}') from error
    # `alpha:=1` is an integer to ROS; whoever writes it means 1.0.
    if isinstance(spec.default, float) and type(value) is int:
        value = float(value)
    _check_value(name, value, spec)
    return value


def _descriptor(spec: Field[Any]) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=spec.metadata['description'], read_only=True)
    descriptor.additional_constraints = ', '.join(spec.metadata['choices'])
    limits = spec.metadata['limits']
    if limits and isinstance(spec.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=limits[0], to_value=limits[1])]
    elif limits:
        descriptor.integer_range = [IntegerRange(from_value=limits[0], to_value=limits[1])]
    descriptor.dynamic_typing = isinstance(spec.default, float)
    return descriptor


def _check_value(name: str, value: Any, spec: Field[Any]) -> None:
    limits, choices = spec.metadata['limits'], spec.metadata['choices']
    if type(value) is not type(spec.default):
        raise BadParameter(f'parameter {name}: expected {type(spec.default).__name__}, came {value!r}')
    if limits and not limits[0] <= value <= limits[1]:
        raise BadParameter(f'parameter {name}: expected {limits[0]} to {limits[1]}, came {value}')
    if choices and value not in choices:
        raise BadParameter(f'parameter {name}: expected one of {", ".join(choices)}, came {value!r}')


def _refuse_unknown_names(node: Node) -> None:
    # rclpy ignores names that nobody declares, so that a misspelt one would go unnoticed. Names outside our groups are
    # let pass: a parameter file is often shared by many nodes.
    groups = tuple(f'{group.name}.' for group in fields(Parameters))
    given = getattr(node, '_parameter_overrides', {})
    unknown = [name for name in given if name.startswith(groups) and not node.has_parameter(name)]
    if unknown:
        raise BadParameter(f'unknown parameter {", ".join(sorted(unknown))}; see config/tracker.yaml for the names')
