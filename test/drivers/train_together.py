"""One of several processes that train a small network together: FOLDER CLIPS_PER_STEP, ranks in the environment."""

from __future__ import annotations

import sys

import torch
from training_clips import drawn_clips, small_matching

from sam2s_model.training.config import TrainingConfig
from sam2s_model.training.train import train_network

torch.set_num_threads(1)
folder, clips_per_step = sys.argv[1], int(sys.argv[2])
config = TrainingConfig(
    folder, steps=2, clips_per_step=clips_per_step, sides=(64,), frames=(2, 2), warmup=1, workers=0, threads=1,
    precision='float32',
)  # fmt: skip
train_network(small_matching(), drawn_clips(frames=(2, 2)), config)
