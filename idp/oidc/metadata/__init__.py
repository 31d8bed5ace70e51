"""What a realm tells about itself: discovery, and its public keys.

Each topic has a module with a function `metadata`, listed in `discovery`; it names only what works here.
"""
