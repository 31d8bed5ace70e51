"""Findings about clients of a realm file, a module a topic."""
