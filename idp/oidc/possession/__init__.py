"""Proofs of possession: which key a request was sent with, and whether it is the one its token is bound to."""
