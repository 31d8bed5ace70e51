"""The steps of a reset-credentials flow: whom it is about, a message to prove it, a new password.

The flow ends at the login page and never in a session: whatever the client's own flow asks for besides the password is
asked there (T-23, ASVS 6.4.3).
"""
