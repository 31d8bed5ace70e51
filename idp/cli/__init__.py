"""The `idp` command: serve · demo · realm check · keys.

Owns what an operator types and reads. It makes nothing itself: `idp.app` puts the provider together.
"""
