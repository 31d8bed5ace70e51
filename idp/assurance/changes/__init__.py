"""What a change of a realm's configuration means: weaker, stronger or neither; nothing is left unsaid, no secret shown.

Logins are compared as the server's engine runs them, settings by a table of what they mean; what no rule knows is told
by its place, with its values before and after. Users are no configuration.
"""
