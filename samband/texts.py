"""What timeline entries, steps and findings are called on a terminal, in plain words, by their text key."""

# Keys are the router's; a test compares them.
