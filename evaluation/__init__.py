"""How well models answer. Runs them through the same engine as the program does."""
