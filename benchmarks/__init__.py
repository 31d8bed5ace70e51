"""What a request costs: a real server process is driven over HTTP, and its CPU time is divided by its requests.

Owns the method, the scenarios and the budgets. Knows the provider from outside, as a client does; its memory and its
CPU time are the operating system's own accounting, so it needs Linux.
"""
