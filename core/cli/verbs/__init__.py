"""One module for each group of verbs: its words, and what it does."""
