"""Where the masks of a run are from: recording, prompts, weights, settings, versions. What decides them, and no more.

Two runs with the same provenance give the same masks on the same machine; an interrupted run goes on only under the
same one.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sam2s_ros.health import ModelSource
from sam2s_ros.parameters import Parameters, values_of
from sam2s_ros.prompt_script import PromptScript, prompt_script_text

PACKAGES = ('torch', 'numpy', 'opencv-python-headless', 'rosbags')
UNIMPORTANT = ('overlay.', 'status.', 'watchdog.', 'services.', 'queue.', 'binary.', 'autostart', 'image_transport')


@dataclass(frozen=True)
class Provenance:
    """What decides the masks.

    Attributes:
        recording: Name of the recording, and its files with their sizes in bytes.
        topics: Image topics that were tracked.
        prompts: The prompt script as it is written.
        checkpoint: Size, device, file name and SHA-256 of the weights.
        settings: The node's parameters that matter here, by name.
        versions: Of Python, of ours, and of what computes.
    """

    recording: dict[str, Any]
    topics: tuple[str, ...]
    prompts: str
    checkpoint: dict[str, str]
    settings: dict[str, Any]
    versions: dict[str, str]

    def text(self) -> str:
        """As JSON, always the same for the same content."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + '\n'

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that differ for different content; the `session_id` of all results."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]


def provenance_of(
    bag: Path, topics: Sequence[str], script: PromptScript, source: ModelSource, parameters: Parameters
) -> Provenance:
    """Collect it."""
    settings = {name: value for name, value in values_of(parameters).items() if not name.startswith(UNIMPORTANT)}
    for name in ('model.checkpoint', 'model.instruments', 'labels.file'):
        settings[name] = Path(settings[name]).name  # where it lies on this machine does not matter
    return Provenance(
        recording={'name': bag.name, 'files': _sizes(bag)},
        topics=tuple(topics),
        prompts=prompt_script_text(script),
        checkpoint=asdict(source),
        settings=settings,
        versions=_versions(),
    )


def _sizes(bag: Path) -> dict[str, int]:
    if bag.is_file():
        return {bag.name: bag.stat().st_size}
    return {path.name: path.stat().st_size for path in sorted(bag.iterdir()) if path.suffix in ('.mcap', '.db3')}


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version(), 'machine': platform.machine()}
    for package in (*PACKAGES, 'sam2s_ros'):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = 'not installed as a package'
    return found
