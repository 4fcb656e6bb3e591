"""What the soak has seen, and whether that is what can be relied on."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

MEGABYTE = 1e6
WARM_UP_S = 300.0


@dataclass
class SoakRecord:
    """Fills as the soak goes on. Moments are seconds since its begin.

    Attributes:
        results: (moment, latency from the camera to here in seconds, objects) of each result.
        beats: (moment, bytes of memory, errors) of each heartbeat.
        answers: Seconds until each answer.
        wrong: Requests that were not answered as they had to be, and what came.
        sent: Images.
    """

    results: list[tuple[float, float, int]] = field(default_factory=list)
    beats: list[tuple[float, int, int]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    sent: int = 0
    good_requests: int = 0
    bad_requests: int = 0
    loops: int = 0
    stopped_listeners: int = 0


@dataclass(frozen=True)
class SoakReport:
    """The figures, in seconds and MB; `verdicts` judges them."""

    seconds: float
    images_sent: int
    results: int
    results_per_second: float
    with_all_objects: float  # share of the results
    loops: int
    stopped_listeners: int
    good_requests: int
    bad_requests: int
    unanswered_or_wrong: int
    errors: int
    longest_silence: float  # between two results
    longest_without_heartbeat: float
    latency_median: float
    latency_p99: float
    latency_p99_first_third: float
    latency_p99_last_third: float
    answer_p99: float
    memory: float  # at the end of the warm-up
    memory_drift: float  # furthest from there, afterwards
    exit_code: int


def report_of(record: SoakRecord, seconds: float, exit_code: int) -> SoakReport:
    """Sum up. The first third, at most five minutes, is warm-up for memory."""
    warm = min(WARM_UP_S, seconds / 3)
    latencies = [latency for _, latency, _ in record.results]
    third = len(latencies) // 3
    memory = [size / MEGABYTE for moment, size, _ in record.beats if moment >= warm]
    settled = statistics.median(memory[: max(1, len(memory) // 10)]) if memory else 0.0
    return SoakReport(
        seconds=seconds,
        images_sent=record.sent,
        results=len(latencies),
        results_per_second=len(latencies) / seconds,
        with_all_objects=sum(count == 4 for _, _, count in record.results) / max(1, len(latencies)),
        loops=record.loops,
        stopped_listeners=record.stopped_listeners,
        good_requests=record.good_requests,
        bad_requests=record.bad_requests,
        unanswered_or_wrong=len(record.wrong),
        errors=max((errors for _, _, errors in record.beats), default=0),
        longest_silence=_longest_gap([moment for moment, _, _ in record.results], seconds),
        longest_without_heartbeat=_longest_gap([moment for moment, _, _ in record.beats], seconds),
        latency_median=percentile(latencies, 50),
        latency_p99=percentile(latencies, 99),
        latency_p99_first_third=percentile(latencies[:third], 99),
        latency_p99_last_third=percentile(latencies[-third:] if third else [], 99),
        answer_p99=percentile(record.answers, 99),
        memory=settled,
        memory_drift=max((abs(size - settled) for size in memory), default=0.0),
        exit_code=exit_code,
    )


def verdicts(report: SoakReport, bad_requests: int, latency_limit_s: float) -> dict[str, bool]:
    """What must be so, in words, and whether it is."""
    return {
        f'no loss of service: a result every {2 * latency_limit_s:g} s': report.longest_silence < 2 * latency_limit_s,
        'a heartbeat every 2 s': report.longest_without_heartbeat < 2.0,
        'no error of ours': report.errors == 0,
        f'{bad_requests} bad requests and all good ones answered as they had to be': (
            report.bad_requests >= bad_requests and not report.unanswered_or_wrong
        ),
        'memory flat to 20 MB after the warm-up': report.memory_drift <= 20.0,
        f'99 of 100 latencies below {latency_limit_s:g} s': report.latency_p99 < latency_limit_s,
        'ended by SIGTERM with 0': report.exit_code == 0,
    }


def as_json(report: SoakReport, judged: dict[str, bool], wrong: Sequence[str]) -> str:
    content = asdict(report) | {'verdicts': judged, 'wrong': list(wrong[:20])}
    return json.dumps(content, indent=1, ensure_ascii=False)


def as_table(report: SoakReport, judged: dict[str, bool]) -> str:
    figures = [
        f'{name.replace("_", " "):28} {value:.3f}'.rstrip('0').rstrip('.')
        if isinstance(value, float)
        else f'{name.replace("_", " "):28} {value}'
        for name, value in asdict(report).items()
    ]
    return '\n'.join([*figures, '', *(f'{"yes" if holds else "NO":4} {text}' for text, holds in judged.items())])


def percentile(values: Sequence[float], share: float) -> float:
    """0 where there is no value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else 0.0


def _longest_gap(moments: Sequence[float], end: float) -> float:
    edges = [0.0, *moments, end]
    return max(later - earlier for earlier, later in itertools.pairwise(edges))
