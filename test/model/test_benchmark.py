"""The benchmark against the reference: in turns, by stage, as JSON, table and plot; and what a long video costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from sam2s_model.benchmark import __main__ as command
from sam2s_model.benchmark import foreign_cpu, measure
from sam2s_model.benchmark.case import FULL, QUICK, Case
from sam2s_model.benchmark.contestants import FULL_MEMORY, Ours
from sam2s_model.benchmark.encoders import in_turns
from sam2s_model.benchmark.foreign_cpu import ForeignCpu
from sam2s_model.benchmark.frames import drifting_frames, first_boxes
from sam2s_model.benchmark.long_video import LongVideo, Sample, watch_long_video
from sam2s_model.benchmark.measure import Row
from sam2s_model.benchmark.plot import draw
from sam2s_model.benchmark.report import as_json, as_table, memory_line
from sam2s_model.benchmark.stopwatch import STAGES, Stopwatch, Timing
from sam2s_model.switches import Switches

CPU = torch.device('cpu')
TINY = Case('tiny', 128, 'float32', 2)
LITE = Case('lite', 128, 'bfloat16', 2)
SAMPLES = (Sample(500, 30.0, 600.0), Sample(5000, 31.0, 604.5))
VIDEO = LongVideo((500, 5000), growth_mb=4.5, growth_mb_per_100=0.1, time_ratio=1.01, peak_mb=700.0, samples=SAMPLES)


def row(case: Case, ours: float, reference: float | None, foreign: float | None = 0.0) -> Row:
    timing = Timing(ours, 2 * ours, {'image_encoder': ours / 2})
    theirs = None if reference is None else Timing(reference, 2 * reference, {'image_encoder': reference / 2})
    return Row(case, timing, theirs, 5, foreign)


def polylines(picture: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(picture).iter('{http://www.w3.org/2000/svg}polyline'))


def printed(rows: list[Row]) -> str:
    console = Console(width=150)
    with console.capture() as capture:
        console.print(as_table(rows))
    return capture.get()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, int], None]:
    """Sets how many ticks all processes were busy and idle so far."""
    monkeypatch.setattr(foreign_cpu, 'STAT', tmp_path / 'stat')
    monkeypatch.setattr(foreign_cpu.os, 'sysconf', lambda _: 100)

    def write(busy: int, idle: int) -> None:
        (tmp_path / 'stat').write_text(f'cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n')

    return write


class Still(nn.Module):
    """A network whose image encoder is called twice a frame, and the other stages never."""

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = nn.Identity()

    def track(self) -> Tensor:
        return self.image_encoder(self.image_encoder(torch.zeros(1)))  # type: ignore[no-any-return]


class Recorded:
    """A contestant that writes down when it is its turn."""

    def __init__(self, name: str, turns: list[str]) -> None:
        self.network: nn.Module = Still()
        self._name, self._turns = name, turns

    def step(self) -> object:
        self._turns.append(self._name)
        return self.network.track()


@pytest.mark.parity
def test_ours_and_the_reference_track_the_same_objects_with_full_memory() -> None:
    pytest.importorskip('sam2')
    measured = measure.measure(TINY, rounds=1, device=CPU)
    assert measured.reference is not None
    for timing in (measured.ours, measured.reference):
        assert set(timing.stages_ms) == set(STAGES)
        assert 0 < sum(timing.stages_ms.values()) < timing.wall_ms


def test_the_package_transformers_takes_part_where_it_is_asked_to() -> None:
    pytest.importorskip('transformers')
    measured = measure.measure(Case('tiny', 128, 'float32', 2), 1, CPU, with_transformers=True)
    assert measured.transformers is not None and measured.transformers.wall_ms > 0
    assert as_json([measured], {}, {})['rows'][0]['transformers_ms'] == measured.transformers.wall_ms


def test_the_shipped_size_is_measured_without_a_reference() -> None:
    measured = measure.measure(LITE, rounds=1, device=CPU)
    assert measured.reference is None
    assert measured.ours.wall_ms > 0


def test_memory_is_as_full_as_it_gets_before_anything_is_timed() -> None:
    ours = Ours(LITE, drifting_frames(128, FULL_MEMORY + 2), CPU)
    recalled = [len(track.bank.recall(FULL_MEMORY + 1).frames) for track in ours._tracker._tracks.values()]
    assert recalled == [1 + 4 + 4] * 2  # prompted, short-term, long-term


def test_both_track_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    pair = Recorded('ours', turns), Recorded('reference', turns)
    monkeypatch.setattr(measure, '_contestants', lambda *_: pair)
    measure.measure(TINY, rounds=3, device=CPU)
    assert turns == ['ours', 'reference'] * 4  # once to warm up


def test_a_stage_that_runs_twice_a_frame_counts_twice() -> None:
    network = Still()
    timing = Stopwatch(network, CPU).time(network.track)
    assert list(timing.stages_ms) == ['image_encoder']
    assert 0 < timing.stages_ms['image_encoder'] <= timing.wall_ms


def test_what_others_compute_is_told_in_cores(
    processes: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((10.0, 12.0))
    monkeypatch.setattr(foreign_cpu.time, 'monotonic', lambda: next(clock))
    monkeypatch.setattr(foreign_cpu.os, 'times', lambda: type('Times', (), {'user': 5.0, 'system': 0.0}))
    processes(1000, 0)
    foreign = ForeignCpu()
    processes(1300, 100)  # 3 s in 2 s: one core and a half
    assert foreign.cores() == pytest.approx(1.5)


def test_where_nobody_counts_processes_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(foreign_cpu, 'STAT', tmp_path / 'missing')
    assert ForeignCpu().cores() is None


def test_the_figures_name_what_was_compared() -> None:
    figures = as_json([row(TINY, 30.0, 40.0)], {'ours': VIDEO, 'reference': VIDEO}, {'threads': 2})
    (written,) = json.loads(json.dumps(figures))['rows']
    assert written.items() >= {
        'model': 'tiny', 'image_size': 128, 'dtype': 'float32', 'objects': 2, 'options': [],
        'ours_ms': 30.0, 'reference_ms': 40.0, 'ratio': 0.75, 'foreign_cpu': 0.0,
    }.items()  # fmt: skip
    assert figures['memory']['growth_mb'] == 4.5
    assert figures['memory']['time_ratio'] == 1.01


def test_without_a_reference_there_is_no_ratio() -> None:
    (written,) = as_json([row(LITE, 30.0, None)], {}, {})['rows']
    assert written['ratio'] is None
    assert '30' in printed([row(LITE, 30.0, None)])


def test_a_row_measured_on_a_busy_machine_says_so() -> None:
    assert '0.90 busy' in printed([row(TINY, 30.0, 40.0, foreign=0.9)])
    assert 'busy' not in printed([row(TINY, 30.0, 40.0, foreign=0.01)])


def test_the_plot_has_a_curve_for_each_of_the_two() -> None:
    rows = [row(Case('tiny', 512, 'float32', count), 10.0 * count, 15.0 * count) for count in (4, 1, 2)]
    lines = polylines(draw(rows, {}))
    assert [len(line.attrib['points'].split()) for line in lines] == [3, 3]
    assert ['stroke-dasharray' in line.attrib for line in lines] == [False, True]


def test_the_plot_has_time_and_memory_against_frames() -> None:
    lines = polylines(draw([], {'ours': VIDEO}))
    assert [len(line.attrib['points'].split()) for line in lines] == [2, 0, 2, 0]


def test_a_plot_of_single_points_is_empty() -> None:
    assert 'polyline' not in draw([row(TINY, 10.0, 20.0)], {})


def test_boxes_of_all_objects_lie_in_the_image() -> None:
    for count in (1, 2, 8):
        assert all(0 <= x0 < x1 <= 512 and 0 <= y0 < y1 <= 512 for x0, y0, x1, y1 in first_boxes(512, count))


def test_a_long_video_tells_growth_and_slowing() -> None:
    video = watch_long_video(20, 45)
    assert video.frames == (20, 45)
    assert video.time_ratio > 0
    assert video.growth_mb_per_100 == pytest.approx(4 * video.growth_mb)
    assert '20 to 45' in memory_line('ours', video)
    assert (video.samples[0].frame, video.samples[-1].frame) == (20, 45)


def test_all_rows_of_the_table_of_bounds_are_there() -> None:
    for dtype in ('float32', 'bfloat16'):
        for count in (1, 2, 4, 8):
            assert Case('tiny', 512, dtype, count) in FULL  # type: ignore[arg-type]
            assert Case('base_plus', 512, dtype, count) in FULL  # type: ignore[arg-type]
    assert Case('tiny', 1024, 'float32', 1) in FULL
    assert set(QUICK) <= set(FULL)


def test_the_command_writes_figures_and_plot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, 'QUICK', (LITE,))
    threads = torch.get_num_threads()
    files: dict[str, Any] = {name: tmp_path / name for name in ('json', 'plot')}
    try:
        assert command.main(['--quick', '--no-memory', '--rounds', '1', '--threads', '1',
                             '--json', str(files['json']), '--plot', str(files['plot'])]) == 0  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    assert len(json.loads(files['json'].read_text())['rows']) == 1
    assert files['plot'].read_text().startswith('<svg')
    assert 'lite' in capsys.readouterr().out


def test_the_command_measures_only_what_was_asked_for() -> None:
    options = command._parser().parse_args(
        ['--model', 'tiny', '--dtype', 'bfloat16', '--objects', '1', '--objects', '8']
    )
    pooled = Case('tiny', 512, 'bfloat16', 8, ('pooled_memory',))
    assert command._chosen(options) == [Case('tiny', 512, 'bfloat16', 1), Case('tiny', 512, 'bfloat16', 8), pooled]
    assert command._chosen(command._parser().parse_args(['--option', 'pooled_memory'])) == [pooled]
    large = command._chosen(command._parser().parse_args(['--image-size', '1024']))
    assert large == [Case('tiny', 1024, 'float32', 1)]
    assert pooled not in command._chosen(command._parser().parse_args(['--option', 'none']))


def test_encoders_take_turns_after_one_image_to_warm_up() -> None:
    turns: list[str] = []

    def noted(name: str) -> Callable[[Tensor], Tensor]:
        return lambda image: (turns.append(name), image)[1]

    milliseconds = in_turns({'a': noted('a'), 'b': noted('b')}, torch.zeros(1), rounds=2)
    assert turns == ['a', 'b'] * 3
    assert set(milliseconds) == {'a', 'b'}


def test_an_option_is_switched_on_and_named_in_the_figures() -> None:
    pooled = Case('tiny', 128, 'float32', 1, ('pooled_memory',))
    network = Ours(pooled, drifting_frames(128, FULL_MEMORY + 2), CPU).network
    assert network.switches == Switches(pooled_memory=True)
    assert as_json([row(pooled, 30.0, 40.0)], {}, {})['rows'][0]['options'] == ['pooled_memory']
    assert 'pooled_memory' in printed([row(pooled, 30.0, 40.0)])
