"""How the provider is watched: health, metrics, traces.

Owns the addresses of the management port, what is counted, and what a span says. Knows neither flows nor protocol: it
hears of them through `idp.ports.Observer`, and puts itself around the ports it measures.
"""
