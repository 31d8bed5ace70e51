"""Which claims tokens carry: mappers, their values, and the scopes that a new realm has."""
