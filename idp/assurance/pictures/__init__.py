"""A flow as a person reads it: pages, choices, conditions, what was proven, and the level at each end.

Owns what a picture says (`reading`), where it stands (`layout`) and how it is written (`svg`, `mermaid`). Chooses no
words of any language: they are given to it.
"""
