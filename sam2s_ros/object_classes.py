"""What each object is: by the word of a person, else by that of the model."""

from __future__ import annotations

from sam2s_model import FrameResult, ObjectMask
from sam2s_ros.class_table import ClassTable
from sam2s_ros.object_registry import ObjectRegistry
from sam2s_ros.tracked_image import ObjectClass


class ObjectClasses:
    """Names and numbers the classes of the tracked objects.

    Args:
        table: Numbers of the class names; unknown names are added.
        registry: Who is tracked, and what people called them.
    """

    def __init__(self, table: ClassTable, registry: ObjectRegistry) -> None:
        self._table = table
        self._registry = registry

    def number(self, name: str) -> int:
        """The number of a class, a new one where the name is new; 0 for no name."""
        self._table.add(name)
        return self._table.id_of(name) if name else 0

    def number_all(self, result: FrameResult) -> None:
        """Number the classes that the model sees on an image."""
        for found in result.objects:
            if found.label is not None:
                self._table.add(found.label.name)

    def of(self, found: ObjectMask) -> ObjectClass:
        """What a person called the object; where nobody did, what the model takes it for."""
        given = self._registry[found.object_id].label
        if given:
            return ObjectClass(given, self._table.id_of(given), 1.0)
        if found.label is None or not found.label.name:
            return ObjectClass()
        return ObjectClass(found.label.name, self._table.id_of(found.label.name), found.label.probability)

    def names(self, result: FrameResult) -> dict[str, str]:
        """The class names of the objects on an image, by their ids."""
        return {found.object_id: self.of(found).name for found in result.objects}
