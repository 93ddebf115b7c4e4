"""The commands of `flare`, one file for each group. What computes is imported inside a command, so that --help stays fast."""
