"""Realm files as text: where they stand, what stands in them, what an older one meant; not yet what it means here."""
