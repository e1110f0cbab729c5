"""Connections that become something else: TLS with us, a WebSocket, or somebody else's bytes."""
