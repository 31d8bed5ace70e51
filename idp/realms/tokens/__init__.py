"""What a realm file says about tokens: client scopes, mappers, roles, levels, authorization details → model."""
