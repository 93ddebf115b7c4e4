"""Environments in gymnasium's sense: simulator, task and embodiment together."""
