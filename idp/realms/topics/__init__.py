"""What a realm says of itself → model: one module for each topic, as `clients` has one for each of a client's."""
