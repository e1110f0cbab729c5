"""The way out: one pool of connections, one request on one of them, aiohttp's errors named once.

It sends what it is given and hands back what comes. It does not decide what an answer means, ask
twice (a dead pooled connection apart), follow redirects, keep cookies, decompress, or read the
environment's proxy settings.
"""
