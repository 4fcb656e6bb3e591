"""Who pointed at what and when in one session, as entries of a prompt script."""

from __future__ import annotations

from typing import Any

from sam2s_model import Prompt
from sam2s_ros.prompt_script import ScriptedPrompt, ScriptedRemoval, entry_values

MOST_ENTRIES = 4096  # the oldest are forgotten first; masks are kept as run lengths


class PromptHistory:
    """Collects prompts and removals.

    Attributes:
        entries: In the order in which they were applied, as they stand in a prompt script. Another tuple after each.
    """

    def __init__(self) -> None:
        self.entries: tuple[dict[str, Any], ...] = ()

    def add_prompt(self, stamp_ns: int, object_id: str, label: str, prompt: Prompt, replaces: bool) -> None:
        self._add(entry_values(ScriptedPrompt(stamp_ns, object_id, label, prompt, replaces)))

    def add_removal(self, stamp_ns: int, object_id: str) -> None:
        self._add(entry_values(ScriptedRemoval(stamp_ns, object_id)))

    def relabel(self, object_id: str, label: str) -> None:
        """A class name was corrected: the object bears the right one from its first prompt on."""
        removals = [n for n, entry in enumerate(self.entries) if entry['object_id'] == object_id and 'remove' in entry]
        begin = removals[-1] + 1 if removals else 0
        self.entries = self.entries[:begin] + tuple(
            entry | {'label': label} if entry['object_id'] == object_id else entry for entry in self.entries[begin:]
        )

    def go_back_to(self, entries: tuple[dict[str, Any], ...]) -> None:
        """Forget what came after ``entries`` were all, or continue from those of a saved session."""
        self.entries = entries

    def clear(self) -> None:
        self.entries = ()

    def _add(self, values: dict[str, Any]) -> None:
        self.entries = (*self.entries, values)[-MOST_ENTRIES:]
