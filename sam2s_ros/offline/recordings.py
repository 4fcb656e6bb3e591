"""Which recordings to track, with which prompts, and where their results go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sam2s_ros.bag_io import UnreadableBag
from sam2s_ros.prompt_script import script_beside

SUFFIXES = frozenset({'.mcap', '.db3', '.bag'})


class NoPrompts(ValueError):
    """A recording has no prompt script; the message says where one may lie."""


@dataclass(frozen=True)
class Recording:
    """One recording to track.

    Attributes:
        bag: Its folder or file.
        script: The prompts for it.
        out: The folder for its results.
    """

    bag: Path
    script: Path
    out: Path


def find_recordings(paths: Sequence[Path], script: Path | None, out: Path) -> list[Recording]:
    """The recordings at some paths, each a bag or a folder with bags in it at any depth.

    Args:
        paths: As given. The results of a single bag go to `out` itself, those of several to folders in it that are
            named like them.
        script: Prompts for all of them; None takes the script that lies with each.
        out: Where results go.

    Raises:
        UnreadableBag: There is no recording at one of the paths.
        NoPrompts: One of the recordings has no script.
    """
    bags: dict[Path, Path] = {}
    for path in paths:
        for bag in _bags_at(path):
            bags[bag] = bag.relative_to(path).with_suffix('') if bag != path else Path(bag.stem)
    if len(paths) == 1 and is_bag(paths[0]):
        return [Recording(paths[0], _script_of(paths[0], script), out)]
    _check_distinct(list(bags.values()))
    return [Recording(bag, _script_of(bag, script), out / place) for bag, place in bags.items()]


def is_bag(path: Path) -> bool:
    """Whether a path is a recording and no folder of recordings."""
    return (path / 'metadata.yaml').is_file() or (path.is_file() and path.suffix in SUFFIXES)


def _bags_at(path: Path) -> list[Path]:
    if is_bag(path):
        return [path]
    folders = sorted(found.parent for found in path.rglob('metadata.yaml'))
    files = sorted(found for found in path.rglob('*') if is_bag(found) and found.parent not in folders)
    if not folders and not files:
        raise UnreadableBag('a recording or a folder of recordings', f'{path} without any', 'check the path')
    return [found for found in sorted(folders + files) if not found.is_dir() or is_bag(found)]


def _script_of(bag: Path, script: Path | None) -> Path:
    found = script or script_beside(bag)
    if found is None:
        beside = bag / 'prompts.yaml' if bag.is_dir() else bag.with_suffix('.prompts.yaml')
        raise NoPrompts(f'expected a prompt script for {bag}, came none; write {beside} or give --prompts')
    return found


def _check_distinct(places: Sequence[Path]) -> None:
    twice = sorted({str(place) for place in places if places.count(place) > 1})
    if twice:
        raise ValueError(f'expected recordings of different names, came {", ".join(twice)} twice; track them apart')
