"""Files that a user begins with: a robot of one's own, from a packaged one or from its URDF."""
