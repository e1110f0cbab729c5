"""The way out: pools of connections, one request on one of them, aiohttp's errors named once; and
whom nobody gets to by way of us.

    upstreams    Send           anywhere; TLS always verified, a context for each way to speak it
    strangers    Passthrough    their addresses judged before every attempt, in plain HTTP
                 Dialler        the same, for tunnels that carry anything

It sends what it is given and hands back what comes. It does not decide what an answer means, ask
twice (a dead pooled connection apart), follow redirects, keep cookies, decompress, or read the
environment's proxy settings.
"""
