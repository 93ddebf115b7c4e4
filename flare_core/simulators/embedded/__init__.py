"""The embedded simulator: many houses in one batch, in one process, without a GPU or a download."""
