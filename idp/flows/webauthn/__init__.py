"""WebAuthn: keys that prove themselves by signatures. The ceremonies, what they prove, and who may begin them."""
