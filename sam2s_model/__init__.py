"""SAM2S: prompt an instrument or tissue once, keep its mask through the whole surgery. Knows PyTorch, not ROS."""

from sam2s_model.masklet import Frame, FrameResult, Masklet, ObjectMask
from sam2s_model.prompt import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt, Prompt, PromptOutsideImage

__all__ = [
    'BoxPrompt',
    'Frame',
    'FrameResult',
    'InvalidPrompt',
    'MaskPrompt',
    'Masklet',
    'ObjectMask',
    'PointPrompt',
    'Prompt',
    'PromptOutsideImage',
]
