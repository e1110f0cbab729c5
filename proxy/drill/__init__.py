"""Providers that fail on purpose, and what the program makes of it under given policies.

`faults` is everything a provider can do wrong, one file each; `server` plays them over real
sockets, in the words of each provider family (`speech`). Nothing here ever calls a real provider,
and nothing of it is used while the proxy serves.
"""
