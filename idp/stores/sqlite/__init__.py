"""The default store: one SQLite file, with nothing to install."""

from idp.stores.sqlite.kernel import SqliteKernel

__all__ = ["SqliteKernel"]
