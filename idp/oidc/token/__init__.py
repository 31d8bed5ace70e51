"""The token endpoint and what its tokens are good for: issuing, UserInfo, introspection, revocation.

The grants themselves stand in `idp.oidc.grants`.
"""
