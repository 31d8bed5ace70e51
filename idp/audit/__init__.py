"""The record of what happened: events, stored in order and written as structured log.

Owns that an event is recorded before its effect is announced. Knows no HTTP and no protocol, and is told what an
event means by the rooms above; no secret ever enters it.
"""
