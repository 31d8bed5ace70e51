"""The serving processes of one node: started, watched, replaced one by one, and ended in order.

Owns the little that supervisor and worker say to each other. Must not know what is served: the supervising process
loads nothing of the provider, so it is small and has nothing that could fail.
"""
