"""AI2-THOR by its own Python client: agent modes (modes), and an engine of ours that speaks its wire protocol (engine)."""
