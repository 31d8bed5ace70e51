"""The users of a realm: arriving, their profile and terms, their attempts, as files and back."""
