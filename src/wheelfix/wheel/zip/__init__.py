"""A ZIP file as bytes. Nothing here knows what a wheel is.

Follows PKWARE's APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), strictly: an archive that two
readers could understand differently is refused.
"""
