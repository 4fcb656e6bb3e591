"""Track recordings image by image, without DDS and without drops, and go on where a run was interrupted."""
