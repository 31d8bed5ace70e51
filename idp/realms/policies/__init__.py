"""Client policies: which clients they apply to, what they make of a client, and what they demand of it.

Pure: representations and policies in, representations, rules and violations out. Knows no request and no store.
"""
