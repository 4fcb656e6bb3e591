"""The numbers of sam2s_msgs by name: what a prompt is for, and what became of it."""

from __future__ import annotations

from enum import IntEnum


class PromptMode(IntEnum):
    """As in sam2s_msgs/Prompt."""

    NEW = 0
    CORRECT = 1
    REPLACE = 2


class PromptCode(IntEnum):
    """As in sam2s_msgs/PromptResult."""

    OK = 0
    QUEUED = 1
    INVALID = 2
    OUT_OF_IMAGE = 3
    UNKNOWN_ID = 4
    DUPLICATE_ID = 5
    NO_IMAGE = 6
    STALE_STAMP = 7
    SIZE_MISMATCH = 8
    LIMIT = 9
    BUSY = 10
    NOT_ACTIVE = 11
    OOM = 12
    TIMEOUT = 13
    INTERNAL = 14
