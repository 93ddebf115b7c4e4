"""Carrying a policy from one body to another: the choices (spec), the plan (pairing, plan), weights (head) and images (view)."""
