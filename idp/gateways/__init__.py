"""The gateways: ways for a message to reach a person. They implement `idp.ports.SmsSender` and nothing else.

Owns how a message is handed over, and to whom. Knows neither why it is sent nor what it means.
"""
