"""`idp flow …`: what the flows of a realm file look like, do and guarantee, without a server."""
