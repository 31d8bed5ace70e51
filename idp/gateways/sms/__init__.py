"""Text messages through gateways: by HTTPS, by SMPP, and through the second one where the first one fails.

Owns how a message is handed over and how its delivery is told back. Knows neither why it is sent nor what it means.
"""
