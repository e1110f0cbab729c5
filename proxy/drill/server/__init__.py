"""A provider on loopback that misbehaves on request: HTTP/1.1 spoken by hand, since a server that
is made to behave well cannot misbehave. It knows no provider's words: those are in `speech`."""
