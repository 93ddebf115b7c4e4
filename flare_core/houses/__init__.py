"""Houses: the values of one (house), reading ProcTHOR files (procthor), making new ones (generate), asset sizes (assets)."""
