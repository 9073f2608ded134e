"""The composition root: the command line, the processes it starts, and the demonstration."""
