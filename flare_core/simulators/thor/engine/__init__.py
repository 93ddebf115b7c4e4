"""`flare thor-engine`: answers the unmodified ai2thor client from the embedded simulator. It is not AI2-THOR, and says so."""
