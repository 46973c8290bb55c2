"""The command line: sets an installation up, starts its processes, examines it."""
