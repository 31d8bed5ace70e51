"""What tokens say about a user: Keycloak's protocol mappers, compiled into plain functions."""
