"""The `spoc` family: the architecture of SPOC, FLaRe, SafeVLA, RING and PoliFormer, so that their checkpoints load."""
