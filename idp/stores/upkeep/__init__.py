"""Upkeep: what an operator does to a whole store: to back it up, check it, copy it into another one.

Knows records by kind, realm and key; knows no realm, no page and no protocol.
"""
