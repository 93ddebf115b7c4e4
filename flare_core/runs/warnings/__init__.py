"""What is allowed in a robot's description and yet is rarely meant: told as warnings, each with what to do."""
