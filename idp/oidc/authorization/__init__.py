"""The authorization endpoint: a request checked, answered by a session or by a login, and its answer sent.

Knows neither pages nor cookies; `idp.login` has those.
"""
