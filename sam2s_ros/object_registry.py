"""Who is tracked: an object's id, its pixel value in label images, its class name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

SLOTS = 254  # pixel values 1 … 254 of an 8-bit label image; 0 is background, 255 stays free for "unlabelled"
LONGEST_ID = 64


class BadObjectId(ValueError):
    """The id cannot name an object; the message says why."""


@dataclass(frozen=True)
class Identity:
    """What stays of an object from image to image.

    Attributes:
        object_id: The caller's name for it, for ever.
        slot: Its pixel value in ~/instances/mask, 1 to 254, for its life.
        label: Class name that a person gave, empty while nobody did.
    """

    object_id: str
    slot: int
    label: str


class ObjectRegistry:
    """The identities of all tracked objects.

    A slot that becomes free waits until every other free slot has been used, so that a consumer which still holds an
    old label image does not take one object for another.
    """

    def __init__(self) -> None:
        self._identities: dict[str, Identity] = {}
        self._free_slots = deque(range(1, SLOTS + 1))
        self._last_number = 0

    def __contains__(self, object_id: str) -> bool:
        return object_id in self._identities

    def __getitem__(self, object_id: str) -> Identity:
        return self._identities[object_id]

    @property
    def object_ids(self) -> tuple[str, ...]:
        return tuple(self._identities)

    def add(self, object_id: str, label: str) -> Identity:
        identity = Identity(object_id, self._free_slots.popleft(), label)
        self._identities[object_id] = identity
        return identity

    def restore(self, identity: Identity) -> None:
        """Add an object of an earlier session with the slot that it had, or another one where that is taken."""
        if identity.slot not in self._free_slots:
            self.add(identity.object_id, identity.label)
            return
        self._free_slots.remove(identity.slot)
        self._identities[identity.object_id] = identity

    def relabel(self, object_id: str, label: str) -> Identity:
        identity = replace(self._identities[object_id], label=label)
        self._identities[object_id] = identity
        return identity

    def remove(self, object_id: str) -> None:
        self._free_slots.append(self._identities.pop(object_id).slot)

    def clear(self) -> None:
        """Forget all objects. Slots and chosen ids go on from where they were."""
        for object_id in self.object_ids:
            self.remove(object_id)

    def choose_id(self, taken: frozenset[str] = frozenset()) -> str:
        """Return a number that names no object, never named one of our choice, and is not in ``taken``."""
        while True:
            self._last_number += 1
            object_id = str(self._last_number)
            if object_id not in self._identities and object_id not in taken:
                return object_id


def check_object_id(object_id: str) -> None:
    """Refuse names that cannot be shown or stored.

    Raises:
        BadObjectId: Empty, too long, or with characters that do not print.
    """
    if not 0 < len(object_id) <= LONGEST_ID or not object_id.isprintable() or object_id != object_id.strip():
        shown = object_id if len(object_id) <= LONGEST_ID else f'{object_id[:LONGEST_ID]}…'
        raise BadObjectId(
            f'an object id has 1 to {LONGEST_ID} printable characters and no space around, came {shown!r}'
        )
