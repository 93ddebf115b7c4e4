"""Foreign checkpoints: one file for each format, each a table from the foreign tensor names to ours."""
