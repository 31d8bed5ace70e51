"""Digests, sealing, password hashing, one-time codes, signing keys and the one strict door for tokens.

Owns every use of a cryptographic primitive. Knows no protocol, no user and no store beyond `ports.KeptSecrets`;
key objects are loaded once and kept, for loading an RSA key costs a thousand signatures.
"""
