"""Clients of a realm file → model: one module a topic, and `rules` about what they say."""
