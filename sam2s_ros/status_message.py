"""Health as the heartbeat message."""

from __future__ import annotations

from dataclasses import asdict

from builtin_interfaces.msg import Time

from sam2s_msgs.msg import DropCounts, Timing, TrackerStatus
from sam2s_ros.health import Health
from sam2s_ros.latency import StageSeconds


def status_message(health: Health, stamp: Time, beat: int, uptime_s: float) -> TrackerStatus:
    """All of ``health``; an age that is not known is -1."""
    source, work, model = health.input, health.work, health.model
    return TrackerStatus(
        stamp=stamp,
        beat=beat,
        uptime=uptime_s,
        state=int(health.state),
        session_id=work.session_id,
        paused=work.is_paused,
        degraded=bool(work.degradations),
        problems=list(health.problems),
        input=int(source.state),
        image_topic=source.topic,
        is_compressed=source.is_compressed,
        is_reliable=source.is_reliable,
        image_age=_age(source.age_s),
        input_rate=source.rate,
        processed_rate=work.rate,
        received=work.counts.received,
        processed=work.counts.tracked,
        dropped=DropCounts(**{reason.value: count for reason, count in work.counts.dropped.items()}),
        waiting=work.waiting,
        latency_median=_timing(work.median),
        latency_p95=_timing(work.p95),
        latency_p99=_timing(work.p99),
        watchdog=int(work.watch),
        busy_for=work.busy_s,
        requests_waiting=work.requests_waiting,
        requests_refused=work.requests_refused,
        objects=work.objects.tracked,
        objects_actionable=work.objects.actionable,
        objects_to_reprompt=work.objects.to_reprompt,
        process_memory=health.process_memory,
        device_memory=work.device_memory,
        model_size=model.size,
        model_device=model.device,
        checkpoint=model.checkpoint,
        checkpoint_sha256=model.sha256,
        errors=health.errors,
        last_error=health.last_error,
        last_error_age=_age(health.last_error_age_s),
    )


def _age(seconds: float | None) -> float:
    return -1.0 if seconds is None else seconds


def _timing(seconds: StageSeconds) -> Timing:
    return Timing(**asdict(seconds))
