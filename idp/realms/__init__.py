"""Realm files: Keycloak's realm JSON → the model, with findings; and the versions that are published.

Owns what a realm file may say and what is wrong with it. Knows neither how a flow runs nor how a realm is served.
"""
