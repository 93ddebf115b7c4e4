"""Policies: what a policy is (spec), the embedded default (small), its memory, and the one place where masks are applied (distribution)."""
