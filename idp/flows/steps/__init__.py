"""The steps: one file a factor. Each reads docstring, `Config`, its own state, its pure decision, the class.

Owns how a factor is asked and judged. Knows neither what comes next nor any other step.
"""
