"""The school connector: OneRoster 1.1 and 1.2 CSV sets from a drop folder."""
