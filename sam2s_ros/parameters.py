"""The parameters as frozen dataclasses: the one place that knows names, defaults, ranges and what may change live."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from functools import partial
from typing import Any


class BadParameter(ValueError):
    """A parameter cannot be used; the message names it, what was expected and what came."""


def _parameter(
    default: Any,
    description: str,
    limits: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    name: str = '',
    is_live: bool = False,
) -> Any:
    """Describe a parameter; one that is not live changes only while the node is unconfigured."""
    about = {'description': description, 'limits': limits, 'choices': choices, 'name': name, 'is_live': is_live}
    return field(default=default, metadata=about)


_live = partial(_parameter, is_live=True)


@dataclass(frozen=True)
class ModelParameters:
    size: str = _parameter(
        'lite',
        'Network: lite is shipped with weights, others need a SAM 2.1 checkpoint; auto: the size it has.',
        choices=('auto', 'lite', 'tiny', 'small', 'base_plus', 'large'),
    )
    checkpoint: str = _parameter('', 'Weights, .safetensors or .pt; empty for those shipped with lite.')
    sha256: str = _parameter('', 'What the weights must hash to, 64 hexadecimal digits; empty for no check.')
    device: str = _parameter('auto', 'auto, cpu, cuda, cuda:N or mps; auto takes CUDA where there is one.')
    precision: str = _parameter(
        'auto',
        'Number type of the network; auto: what lite is fast with here (int8, bfloat16), else float32.',
        choices=('auto', 'float32', 'bfloat16', 'float16', 'int8'),
    )
    backend: str = _parameter(
        'torch',
        'torch, or onnxruntime for the sizes of SAM 2.1, which needs model.graphs.',
        choices=('torch', 'onnxruntime'),
    )
    graphs: str = _parameter('', 'Folder that python -m sam2s_model.onnx has made of the checkpoint.')
    provider: str = _parameter(
        'auto',
        'Where ONNX Runtime computes; auto: CUDA where its package has it, else the CPU.',
        choices=('auto', 'cpu', 'cuda', 'tensorrt'),
    )
    tf32: bool = _parameter(False, 'CUDA may multiply float32 with 10 bits of mantissa: faster, less exact.')
    image_size: int = _parameter(0, 'Side of the square that the network sees, pixels; 0 for its own.', (0, 1024))
    instruments: str = _parameter('', 'Instrument bank that the weights were trained with; empty for the shipped one.')
    look_turn: int = _parameter(
        8,
        'lite reads each mask again, or seeks what is not seen, on one of so many frames: 1 is best, 8 fast; 0 never.',
        (0, 1000),
    )
    threads: int = _parameter(0, 'CPU threads of the network; 0: as many as others leave cores free.', (0, 256))


@dataclass(frozen=True)
class InputParameters:
    transport: str = _live(
        'auto',
        'raw: image; compressed: image/compressed; auto: what is published, compressed if both are.',
        choices=('raw', 'compressed', 'auto'),
        name='image_transport',  # as every node that subscribes to images calls it
    )
    reliability: str = _live(
        'auto',
        'auto: reliable where every publisher offers it, else best_effort.',
        choices=('auto', 'reliable', 'best_effort'),
    )
    timeout: float = _live(0.5, 'Seconds without an image after which the input is STALE.', (0.05, 60.0))
    max_side: int = _live(8192, 'Larger images are refused, pixels.', (64, 16384))
    crop: str = _parameter(
        'none',
        'Half of the image to track, for two views in one picture; prompts and outputs are in pixels of that half.',
        choices=('none', 'left', 'right', 'upper', 'lower'),
    )
    one_source: bool = _live(False, 'Track only images of the first frame_id that came; drop and count others.')
    on_new_aspect: str = _live(
        'reset',
        'When images change their aspect ratio: reset forgets all objects, refuse skips such images.',
        choices=('reset', 'refuse'),
    )
    buffer_frames: int = _parameter(64, 'Images remembered for prompts drawn on one that has passed.', (1, 1000))
    buffer_megabytes: int = _parameter(256, 'The same limit in megabytes of image messages.', (1, 16384))


@dataclass(frozen=True)
class TrackingParameters:
    max_objects: int = _live(16, 'More objects are refused.', (1, 254))
    uncertain_score: float = _live(0.6, 'Predicted mask quality below which an object is UNCERTAIN.', (0.0, 1.0))
    confirm_after: float = _live(0.2, 'Seconds that an object must be seen well to be TRACKED.', (0.0, 10.0))
    lost_after: float = _live(0.6, 'Seconds out of sight after which an object is LOST.', (0.1, 60.0))
    auto_freeze: bool = _live(True, 'Hold memory while the video is blank, frozen, out of the body or smoke.')
    catch_up_frames: int = _parameter(
        8, 'Images on which an object is tracked again, at most, after a prompt on one that has passed.', (0, 128)
    )


@dataclass(frozen=True)
class TimeParameters:
    on_jump: str = _live(
        'auto',
        'When stamps go back: reset forgets all objects, keep goes on with them, pause waits for a person; '
        'auto: reset with use_sim_time, else keep.',
        choices=('auto', 'reset', 'keep', 'pause'),
    )
    jump_threshold: float = _live(0.5, 'Seconds back that are a jump; images that are less late drop.', (0.0, 60.0))


@dataclass(frozen=True)
class LabelParameters:
    file: str = _parameter('', 'YAML file with the numbers of the classes; empty for the one of this package.')


@dataclass(frozen=True)
class OverlayParameters:
    alpha: float = _live(0.45, 'Opacity of the masks in the overlay.', (0.0, 1.0))
    max_side: int = _live(960, 'Larger images are shrunk for the overlay by a whole number, pixels.', (64, 16384))
    jpeg_quality: int = _live(80, 'JPEG quality of the compressed overlay.', (1, 100))
    clicks: bool = _live(True, 'Add an object where a person clicks on the overlay in rqt_image_view.')


@dataclass(frozen=True)
class BinaryParameters:
    classes: str = _live('', 'Class names that ~/binary/mask shows, commas between them; empty for all objects.')


@dataclass(frozen=True)
class ServiceParameters:
    max_pending: int = _live(64, 'Requests that may wait for the tracker; more are answered BUSY.', (1, 1000))
    max_wait: float = _live(5.0, 'Longest time that a request waits for its result, seconds.', (0.0, 60.0))


@dataclass(frozen=True)
class QueueParameters:
    policy: str = _parameter(
        'latest',
        'latest: the newest image wins, for live video; all: images wait in order, for recordings.',
        choices=('latest', 'all'),
    )
    depth: int = _parameter(64, 'With all: images that may wait; the oldest is dropped for one more.', (1, 1000))
    look_ahead: bool = _parameter(
        False,
        'Begin with the next image while one is tracked: more images, each later; with lite and two CPU threads.',
    )

    @property
    def waiting_images(self) -> int:
        """Images that may wait."""
        return self.depth if self.policy == 'all' else 1


@dataclass(frozen=True)
class OutputParameters:
    dir: str = _parameter('', 'Folder of saved sessions; empty for sam2s in ROS_HOME or ~/.ros.')
    autosave: bool = _parameter(True, 'Keep the session on disk, not older than a second.')
    resume_within: float = _parameter(
        60.0, 'Seconds within which a session that was cut off is resumed at the start; 0 for never.', (0.0, 86400.0)
    )


@dataclass(frozen=True)
class StatusParameters:
    rate: float = _live(10.0, 'Heartbeats on ~/status per second.', (1.0, 50.0))


@dataclass(frozen=True)
class WatchdogParameters:
    timeout: float = _live(5.0, 'Seconds that one image, request or publication may take.', (0.1, 600.0))
    first_timeout: float = _live(
        60.0, 'The same until the first image is tracked: GPUs are slow to start.', (0.1, 600.0)
    )
    exit: bool = _live(False, 'End the process with code 75 when tracking hangs, for a launch file to start it again.')


@dataclass(frozen=True)
class StartParameters:
    autostart: bool = _parameter(True, 'Configure and activate the node by itself when it starts.', name='autostart')


@dataclass(frozen=True)
class Parameters:
    """All parameters of the tracker node, grouped as their names are: ``model.size``, ``input.max_side`` …"""

    model: ModelParameters
    input: InputParameters
    tracking: TrackingParameters
    time: TimeParameters
    labels: LabelParameters
    overlay: OverlayParameters
    binary: BinaryParameters
    services: ServiceParameters
    queue: QueueParameters
    output: OutputParameters
    status: StatusParameters
    watchdog: WatchdogParameters
    start: StartParameters


@dataclass(frozen=True)
class NamedField:
    """Where a ROS parameter is found in `Parameters`."""

    group: str
    spec: Field[Any]

    @property
    def name(self) -> str:
        """The ROS name: group and field, unless it has a name that everybody knows."""
        return str(self.spec.metadata['name']) or f'{self.group}.{self.spec.name}'

    @property
    def default(self) -> Any:
        return self.spec.default

    @property
    def description(self) -> str:
        return str(self.spec.metadata['description'])

    @property
    def limits(self) -> tuple[float, float] | None:
        limits: tuple[float, float] | None = self.spec.metadata['limits']
        return limits

    @property
    def choices(self) -> tuple[str, ...]:
        choices: tuple[str, ...] = self.spec.metadata['choices']
        return choices

    @property
    def is_live(self) -> bool:
        """Whether it may change while the node is configured."""
        return bool(self.spec.metadata['is_live'])


GROUPS: dict[str, type] = {
    'model': ModelParameters,
    'input': InputParameters,
    'tracking': TrackingParameters,
    'time': TimeParameters,
    'labels': LabelParameters,
    'overlay': OverlayParameters,
    'binary': BinaryParameters,
    'services': ServiceParameters,
    'queue': QueueParameters,
    'output': OutputParameters,
    'status': StatusParameters,
    'watchdog': WatchdogParameters,
    'start': StartParameters,
}
FIELDS = {
    named.name: named for group, kind in GROUPS.items() for spec in fields(kind) for named in [NamedField(group, spec)]
}


def parameters_from(values: dict[str, Any]) -> Parameters:
    """The parameters of these ROS names; those that are not given have their defaults."""
    groups = {
        group: kind(
            **{
                named.spec.name: values[name]
                for name, named in FIELDS.items()
                if named.group == group and name in values
            }
        )
        for group, kind in GROUPS.items()
    }
    return Parameters(**groups)


def values_of(parameters: Parameters) -> dict[str, Any]:
    """All values by their ROS names."""
    return {name: getattr(getattr(parameters, named.group), named.spec.name) for name, named in FIELDS.items()}
