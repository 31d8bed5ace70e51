"""Clients that register themselves (RFC 7591, RFC 7592, OpenID Connect Dynamic Client Registration 1.0).

Owns the metadata and its way into Keycloak's representation and back; a registered client is then built like a file's.
Must not know how a client is used.
"""
