"""Accuracy of the tracker on videos with true masks: metrics, simulated prompts, scores."""
