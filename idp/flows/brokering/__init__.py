"""Logging in at another provider: what is sent there, and what of the answer counts."""
