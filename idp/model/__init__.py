"""The nouns: realm, client, user, credential, flow, session, OAuth requests and grants, event.

Owns what things *are*: frozen values with the field's standard words. Knows no input or output, no clock, no
randomness and no other room.
"""
