"""What a run leaves to look at: a log as CSV, sample pictures, and both in TensorBoard if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

LOG = 'log.csv'


class Journal:
    """Collects the values of steps and writes their means now and then."""

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        self._folder = folder
        self._steps: list[Mapping[str, float]] = []
        self._board = _open_board(folder) if tensorboard else None

    def note(self, values: Mapping[str, float]) -> None:
        """Take the values of one step."""
        self._steps.append(values)

    def write(self, step: int, picture: NDArray[np.uint8] | None) -> None:
        """Write the means since the last time, and a picture (H, W, 3)."""
        means = {name: float(np.mean([values[name] for values in self._steps])) for name in self._steps[0]}
        self._steps.clear()
        self._append(step, means)
        if picture is not None:
            self._save_picture(step, picture)
        if self._board is not None:
            for name, value in means.items():
                self._board.add_scalar(name, value, step)
            if picture is not None:
                self._board.add_image('clip', picture, step, dataformats='HWC')
            self._board.flush()

    def close(self) -> None:
        """Finish what is open."""
        if self._board is not None:
            self._board.close()

    def _append(self, step: int, means: Mapping[str, float]) -> None:
        path = self._folder / LOG
        header = '' if path.is_file() else ','.join(['step', *means]) + '\n'
        with path.open('a') as log:
            log.write(header + ','.join([str(step), *(f'{value:.6g}' for value in means.values())]) + '\n')

    def _save_picture(self, step: int, picture: NDArray[np.uint8]) -> None:
        folder = self._folder / 'pictures'
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f'{step:06d}.jpg'), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ImportError('tensorboard: true needs the package tensorboard: pip install tensorboard') from None
    return SummaryWriter(str(folder / 'tensorboard'))  # type: ignore[no-untyped-call]
