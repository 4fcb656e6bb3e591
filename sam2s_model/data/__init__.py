"""Videos with true masks from everywhere: our folders, DAVIS, YouTube-VOS, SA-V, recordings, sets of images."""

from sam2s_model.data.find import find_videos
from sam2s_model.data.labelled_video import LabelledFrame, LabelledVideo, UnreadableData, VideoSource

__all__ = ['LabelledFrame', 'LabelledVideo', 'UnreadableData', 'VideoSource', 'find_videos']
