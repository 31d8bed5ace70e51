"""Clients: how they prove themselves, and the keys they prove it with."""
