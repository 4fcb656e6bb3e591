"""Health as diagnostic_msgs, for the tools that show /diagnostics of a whole robot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from sam2s_ros.health import Health, InputState, NodeState, WatchState

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
MUCH_DROPPED = 0.5  # share of the images that arrive


def diagnostics(health: Health, node: str, stamp: Time) -> DiagnosticArray:
    """One status for each part: state, input, inference, objects, model, requests."""
    parts: tuple[Callable[[Health], _Part], ...] = (_state, _input, _inference, _objects, _model, _requests)
    statuses = []
    for part in parts:
        level, message, values = part(health)
        shown = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        name = f'{node.lstrip("/")}: {part.__name__.lstrip("_")}'
        hardware = health.model.device
        statuses.append(DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware, values=shown))
    return DiagnosticArray(header=Header(stamp=stamp), status=statuses)


_Part = tuple[bytes, str, Mapping[str, object]]


def _state(health: Health) -> _Part:
    values = {'errors': health.errors, 'last error': health.last_error, 'process memory': health.process_memory}
    if health.problems:
        return WARN, '; '.join(health.problems), values
    return OK, health.state.name.lower(), values


def _input(health: Health) -> _Part:
    source, dropped = health.input, health.work.counts.dropped
    values: dict[str, object] = {'topic': source.topic, 'images per second': f'{source.rate:.1f}'}
    values |= {f'dropped, {reason.value}': count for reason, count in dropped.items()}
    if health.state is not NodeState.ACTIVE:
        return OK, 'takes no images', values
    if source.state is InputState.NO_IMAGE:
        return STALE, f'no image yet on {source.topic or "any topic"}', values
    if source.state is InputState.STALE:
        return WARN, f'no image for {source.age_s:.1f} s', values
    return OK, 'images arrive', values


def _inference(health: Health) -> _Part:
    work, rate = health.work, health.input.rate
    values = {
        'images per second': f'{work.rate:.1f}',
        'latency, median': f'{work.median.total:.4f}',
        'latency, p95': f'{work.p95.total:.4f}',
        'latency, p99': f'{work.p99.total:.4f}',
        'inference, p95': f'{work.p95.inference:.4f}',
        'device memory': work.device_memory,
    }
    if work.watch is not WatchState.WELL:
        return ERROR, work.watch.name.lower().replace('_', ' '), values
    if work.degradations:
        return WARN, '; '.join(work.degradations), values
    if rate and work.rate < (1 - MUCH_DROPPED) * rate:
        return WARN, f'{work.rate:.1f} of {rate:.1f} images per second are tracked', values
    return OK, 'keeps up', values


def _objects(health: Health) -> _Part:
    objects = health.work.objects
    values = {'tracked': objects.tracked, 'actionable': objects.actionable, 'to reprompt': objects.to_reprompt}
    if objects.to_reprompt:
        return WARN, f'{objects.to_reprompt} of {objects.tracked} objects want a prompt', values
    return OK, f'{objects.actionable} of {objects.tracked} objects may be acted on', values


def _model(health: Health) -> _Part:
    model = health.model
    values = {'size': model.size, 'checkpoint': model.checkpoint, 'sha256': model.sha256, 'device': model.device}
    values['running'] = model.running
    return OK, model.checkpoint or 'not loaded', values


def _requests(health: Health) -> _Part:
    work = health.work
    values = {'waiting': work.requests_waiting, 'refused': work.requests_refused}
    return OK, f'{work.requests_waiting} wait', values
