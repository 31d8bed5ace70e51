"""`idp serve` and `idp demo`: from the settings to processes that serve, and the log that they write."""
