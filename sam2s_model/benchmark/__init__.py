"""How long a frame takes: our SAM 2.1 beside the reference implementation, in turns and with the same weights."""
