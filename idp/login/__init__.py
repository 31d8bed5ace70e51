"""What the customer meets in the browser: login, registration of a soft token, logout, and errors, as pages.

Owns HTTP for people: forms, cookies, redirects, headers. Decides nothing about a login: `flows` and `oidc` do.
"""
