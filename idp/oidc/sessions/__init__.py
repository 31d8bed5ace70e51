"""User sessions as the protocol sees them: who may go on, how a session lives, and how it ends."""
