"""The required actions: what a user must do before a login may end. The same protocol as a step.

Owns password change, terms, profile, token set-up and consent. Knows neither what comes next nor any other action.
"""
