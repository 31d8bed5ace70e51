"""Authorizations that a person decides on another device while the client waits: RFC 8628 and CIBA.

Both are one idea (`idp.model.pending`): a request with a handle for the client and a ticket for the person. The person
logs in as always; the last step of that login shows who asks for what, and its end is the decision. The client polls
the token endpoint (`idp.oidc.grants.polled`).
"""
