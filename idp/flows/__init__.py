"""The flows: compiler, engine, steps, required actions and the runner that carries an answer through them.

Owns what comes next in a login and what a login proves. Knows neither HTTP nor a database: it speaks to ports, and its
outcomes are values. A step never names another step.
"""
