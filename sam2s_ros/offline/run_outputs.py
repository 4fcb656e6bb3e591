"""Everything that a run leaves behind, written while the recording goes by."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sam2s_ros.bag_io import SerializedImage
from sam2s_ros.class_table import ClassTable
from sam2s_ros.offline.coco_file import CocoFile
from sam2s_ros.offline.html_report import TopicReport
from sam2s_ros.offline.human_look import HumanLook
from sam2s_ros.offline.object_table import ObjectTable
from sam2s_ros.offline.output_bag import OutputBag
from sam2s_ros.offline.stream_tracking import OfflineResult
from sam2s_ros.offline.track_curves import TrackCurves
from sam2s_ros.offline.truth_scores import TruthScores
from sam2s_ros.output_images import OutputImages
from sam2s_ros.overlay_video import VideoWriter
from sam2s_ros.parameters import Parameters

BAG, MASKS, TABLE, VIDEO = 'recording', 'masks.json', 'objects.csv', 'overlay.mp4'
REPORT, FIGURES = 'report.html', 'report.json'  # written when all images are through


class RunOutputs:
    """The files of one run; use it in a `with` statement.

    Args:
        folder: An empty folder for them.
        images: Image topics to their message types.
        parameters: How to draw.
        keeps_images: Whether the output bag holds the images, too.
        truths: Scores for the image topics that have true masks.
        about: What decides the masks, as text.
    """

    def __init__(
        self,
        folder: Path,
        images: Mapping[str, str],
        parameters: Parameters,
        keeps_images: bool,
        truths: Mapping[str, TruthScores],
        about: str,
    ) -> None:
        self._parameters = parameters
        self._about = about
        self._truths = truths
        self._curves = {topic: TrackCurves() for topic in images}
        self._looks = {topic: HumanLook() for topic in images}
        self._is_begun = False
        with ExitStack() as opened:
            self._bag = opened.enter_context(OutputBag(folder / BAG, images, keeps_images))
            self._masks = opened.enter_context(CocoFile(folder / MASKS, 'masks of sam2s_ros track_bag'))
            self._table = opened.enter_context(ObjectTable(folder / TABLE))
            self._videos = {
                topic: opened.enter_context(VideoWriter(folder / name))
                for topic, name in video_names(tuple(images)).items()
            }
            self._opened = opened.pop_all()

    def __enter__(self) -> RunOutputs:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def add(self, topic: str, image: SerializedImage, result: OfflineResult) -> None:
        """Write down what became of an image."""
        if not self._is_begun:
            self._bag.tell_provenance(self._about, image.recorded_ns)
            self._is_begun = True
        self._bag.add(topic, image, result)
        tracked = result.tracked
        if tracked is None:
            return
        self._masks.add(topic, tracked)
        self._table.add(topic, tracked)
        self._curves[topic].add(tracked)
        if topic in self._truths:
            self._truths[topic].add(tracked)
        parameters = self._parameters
        overlay = OutputImages(tracked, ClassTable(), parameters.overlay, parameters.binary).overlay
        self._videos[topic].add(overlay, tracked.image.stamp_ns)
        self._looks[topic].look(tracked, result.events, overlay)

    @property
    def topic_reports(self) -> list[TopicReport]:
        """What there is to tell of each image topic."""
        return [
            TopicReport(
                topic, curves, self._looks[topic], self._truths[topic].video() if topic in self._truths else None
            )
            for topic, curves in self._curves.items()
        ]


def video_names(topics: tuple[str, ...]) -> dict[str, str]:
    """The name of each topic's video: overlay.mp4, or overlay_TOPIC.mp4 where there are two."""
    if len(topics) == 1:
        return {topics[0]: VIDEO}
    return {topic: f'overlay_{topic.strip("/").replace("/", "_")}.mp4' for topic in topics}
