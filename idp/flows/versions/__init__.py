"""The published configuration of a realm at work: which version serves, and what of an import can run."""
