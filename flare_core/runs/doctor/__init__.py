"""A look at the user's machine: what is there, what is missing, and the one command that mends each missing thing."""
