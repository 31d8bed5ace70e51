"""A proof as a document that somebody else can check, the words that it speaks in, and its independent checker."""
