"""Where an authorization request comes from: plain parameters, a request object, or one that was pushed before.

given ─ resolved ─▶ what is asked ─ find_target ─▶ (client, target) ─ checked_request ─▶ AuthorizationRequest

The authorization endpoint and the endpoint for pushed requests go the same way (RFC 9126 §2.1).
"""
