"""Simulators: each supplies the view of the world that `flare_core.world` describes."""
