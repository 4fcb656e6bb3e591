"""State, score, area and place of every object on every image, as a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

from sam2s_ros.tracked_image import TrackedImage, TrackedObject

COLUMNS = (
    'topic', 'frame', 'stamp_ns', 'seconds', 'object_id', 'label', 'state', 'actionable', 'needs_reprompt', 'score',
    'presence', 'area', 'centroid_x', 'centroid_y', 'reason',
)  # fmt: skip


class ObjectTable:
    """One row for each object on each image. Use it in a `with` statement.

    `seconds` counts from the topic's first image; area is in pixels, the centroid in image pixels and empty where the
    object is not seen.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open('w', encoding='utf-8', newline='')
        self._rows = csv.writer(self._file, lineterminator='\n')
        self._rows.writerow(COLUMNS)
        self._first_stamps: dict[str, int] = {}

    def __enter__(self) -> ObjectTable:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, topic: str, tracked: TrackedImage) -> None:
        """Write the objects of an image."""
        stamp = tracked.image.stamp_ns
        seconds = (stamp - self._first_stamps.setdefault(topic, stamp)) / 1e9
        for found in tracked.objects:
            place = (topic, tracked.frame_index, stamp, f'{seconds:.6f}')
            self._rows.writerow((*place, *_cells(found)))


def _cells(found: TrackedObject) -> tuple[object, ...]:
    x, y = (f'{place:.2f}' for place in found.runs.centroid) if found.area else ('', '')
    return (
        found.identity.object_id,
        found.object_class.name,
        found.state.name,
        int(found.is_actionable),
        int(found.judgement.needs_reprompt),
        f'{found.score:.6f}',
        f'{found.presence:.6f}',
        found.area,
        x,
        y,
        found.judgement.reason,
    )
