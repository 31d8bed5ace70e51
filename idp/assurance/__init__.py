"""What a realm guarantees, found by exploring it: the prover, its certificate and its reports.

Runs the server's own engine on customers that do not exist. Knows neither HTTP nor stores, and sends nothing.
"""
