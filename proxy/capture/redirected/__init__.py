"""Connections that a firewall redirected here, which know nothing of a proxy."""
