"""The grants of the token endpoint: each turns a request into an `Authorization`, or refuses.

A grant knows its own rules and the stores it takes from. It mints nothing: `idp.oidc.token.tokens` does, for all of
them.
"""
