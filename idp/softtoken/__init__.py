"""The phone application: an installable web page that scans the activation code and shows one-time codes.

Owns the files of the application in `app/` (plain ES modules, no library, no build) and how they are served.
Must not know flows, OpenID Connect or the stores: it meets the provider only through the activation code.
"""
