"""The way in: one listener for all ways that lead here, and the way back to the app.

    accept -> connection/   one app's connection: parsed, under limits, turned away in HTTP
                 |
              listener      gate -> identify -> intake -> a Call -> the engine -> answer/
                 |
              tunnels/      CONNECT: our certificate, then requests again; or carried unread
    accept -> redirected/   by a firewall's rule: whom does it want? then as for CONNECT

It turns HTTP into Calls and Replies into HTTP. What happens between is the engine's.
"""
