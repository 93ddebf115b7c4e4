"""`flare watch`: episodes recorded, drawn and written as a video."""
