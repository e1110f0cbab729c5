"""The local CA: its files, the leaves it signs for hosts of upstreams, and the bundle that makes a
program trust it.

It signs for the hosts it is told and for no others, and its certificate lets no thief of its key do
more. It changes no trust store: `proxy.trust.howto` says how a person does, and undoes it. It hands
the key to nobody, keeps no list of what it signed, and revokes nothing: leaves live for days.
"""
