"""Others whose word about a user the bank takes."""
