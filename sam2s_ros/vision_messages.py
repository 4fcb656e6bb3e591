"""The same results in the types of vision_msgs, for nodes that know nothing of ours.

Not every installation has vision_msgs: import this module only where `importlib.util.find_spec` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    VisionClass,
)

from sam2s_ros.tracked_image import TrackedImage, TrackedObject


def detections(tracked: TrackedImage) -> Detection2DArray:
    """A box for every object that is seen. Its class is given by name, its id is that of the object."""
    header = tracked.image.message.header
    return Detection2DArray(
        header=header, detections=[_detection(header, found) for found in tracked.objects if found.area]
    )


def _detection(header: Header, found: TrackedObject) -> Detection2D:
    runs = found.runs
    box = BoundingBox2D(size_x=float(runs.width), size_y=float(runs.height))
    box.center.position.x, box.center.position.y = runs.x + runs.width / 2, runs.y + runs.height / 2
    hypothesis = ObjectHypothesis(class_id=found.object_class.name, score=float(found.score))
    results = [ObjectHypothesisWithPose(hypothesis=hypothesis)]
    return Detection2D(header=header, id=found.identity.object_id, bbox=box, results=results)


def class_labels(header: Header, numbers: Mapping[str, int]) -> LabelInfo:
    """What the pixels of ~/semantic/mask mean; 255, by vision_msgs, is a thing without a class."""
    return _label_info(header, ((number, name) for name, number in numbers.items()))


def instance_labels(header: Header, objects: Iterable[TrackedObject]) -> LabelInfo:
    """What the pixels of ~/instances/mask mean: `id:class` of each object."""
    names = ((found.identity.slot, f'{found.identity.object_id}:{found.object_class.name}') for found in objects)
    return _label_info(header, names)


def _label_info(header: Header, names: Iterable[tuple[int, str]]) -> LabelInfo:
    # Threshold 0: a mask holds what the tracker means, and the confidence image says how sure it is.
    classes = [VisionClass(class_id=number, class_name=name) for number, name in sorted(names)]
    return LabelInfo(header=header, class_map=classes, threshold=0.0)
