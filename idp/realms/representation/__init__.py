"""Keycloak's representations, as far as this provider honours them: structs with the names of the realm file."""
