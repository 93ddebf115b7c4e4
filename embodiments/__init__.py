"""One robot: its YAML grammar (spec) and the frozen values that everything else sees (body)."""
