"""How well a policy does: episodes played, statistics with intervals, tables and pictures."""
