"""What must survive, in MongoDB: a place of `idp.stores.optimistic`. Imported only where it is configured.

A record is a document, its comparison the filter of a write; several records are one multi-document transaction.
"""
