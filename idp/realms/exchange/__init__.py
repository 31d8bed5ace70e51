"""Realm files that come and go: what is secret in them, three-way merging, what an import sets aside."""
