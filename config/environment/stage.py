"""A step of the set-up that knows whether it is still up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


def hash_of(files: Iterable[Path], *facts: str) -> str:
    """One hash over the names and contents of `files` and over `facts`."""
    digest = hashlib.sha256('\n'.join(facts).encode())
    for path in sorted(files):
        digest.update(f'\n{path.name}\n'.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Stage:
    """What a step stands on and is made from, and the file that says it was finished.

    Attributes:
        stamp: Written last and removed first, so that an interrupted step counts as never done.
        foundation: Hash of what, when it changes, makes everything that is there useless.
        content: Hash of what, when it changes, can be added to what is there.
    """

    stamp: Path
    foundation: str
    content: str

    def is_ready(self) -> bool:
        return self._recorded() == [self.foundation, self.content]

    def can_be_updated(self) -> bool:
        """Whether it was finished before on the same foundation."""
        return self._recorded()[:1] == [self.foundation]

    def begin(self) -> None:
        self.stamp.unlink(missing_ok=True)

    def finish(self) -> None:
        self.stamp.write_text(f'{self.foundation}\n{self.content}\n')

    def _recorded(self) -> list[str]:
        return self.stamp.read_text().split() if self.stamp.is_file() else []
