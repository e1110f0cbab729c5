"""Providers that fail on purpose, and what an application sees of it under given policies.

    faults      everything a provider can do wrong, one file each (README.md: how to add the next)
    server      plays them over real sockets, in the words of each provider family (speech)
    scenarios   which failure each of them amounts to
    find        what to play under a policy; expect: what the policy promises then
    play        the real program, an application (app) and a provider, on a clock that jumps
    judge       what came of it, held against the promise (of the app's side; of the providers',
                asked); card: as lines for a terminal

Nothing here ever calls a real provider, and nothing of it is used while the proxy serves.
"""
