"""What a proof found, done: scripts that walk the found ways over HTTP, and the realm on which they may.

Owns how a counterexample becomes a program. Knows neither a server nor the network: `idp flow sandbox` serves.
"""
