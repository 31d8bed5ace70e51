"""The protocol: endpoints, client authentication, grants, tokens, logout.

Owns what OAuth 2.0 and OpenID Connect say on the wire. Knows no database and no flow: it asks the ports, and whoever
logs a person in hands it evidence through `commit`.
"""
