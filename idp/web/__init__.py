"""What an endpoint needs of HTTP: requests, replies, forms, pages, cookies, locales.

Owns how bytes become values and values become bytes. Knows no protocol, no flow and no store: an endpoint of the rooms
above decides, this room carries.
"""
