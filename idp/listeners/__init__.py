"""Where requests come in: sockets, TLS, and the HTTP server behind them.

Owns which protocol versions and cipher suites are spoken, and how a client's certificate reaches the application. Knows
nothing of realms, clients or what a certificate means.
"""
