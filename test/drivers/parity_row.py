"""One line of the parity table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was compared with the reference implementation, and how far apart both were.

    Attributes:
        section: Heading in the table.
        name: What was compared.
        ran_on: Weights and size of the network, and what it saw.
        side: Of the square input in pixels.
        switches: Which of `switches.Switches`, where they matter.
        compared: How much was compared.
        iou: Least IoU of two masks; None where no masks were compared.
        difference: Largest absolute difference of two numbers; None where only names and shapes were compared.
        bound: What was asked for.
    """

    section: str
    name: str
    ran_on: str
    side: int | None = None
    switches: str = ''
    compared: str = ''
    iou: float | None = None
    difference: float | None = None
    bound: str = ''

    @property
    def line(self) -> tuple[str, str, str, int, str]:
        """Rows of several tests that agree in this become one line."""
        return self.section, self.name, self.ran_on, self.side or 0, self.switches
