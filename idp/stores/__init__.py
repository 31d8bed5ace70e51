"""The stores: where realms, users, sessions and one-time values live. Adapters of `idp.ports`, and nothing else.

Owns atomicity, durability and expiry: an embedded store is a kernel (`memory`, `sqlite`) under one set of verbs.
Must not know HTTP, flows or protocols: what a record means is decided above; here it is only kept, once, and safely.
"""
