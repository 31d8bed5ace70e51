"""`idp user …`: the accounts of a realm, beside a running server."""
