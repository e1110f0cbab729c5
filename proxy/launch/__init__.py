"""`understudy run`: a program pointed at a proxy that lives exactly as long as it does.

    supervise --+-- CMD     in our process group and terminal, its environment changed
                +-- leash   a session of its own, our environment as it was: `serve` on a rope

It sets variables and nothing else: no file of the program is touched, no trust store, no firewall.
A program that ignores all variables is not caught here; that takes `serve --transparent`. It starts
the proxy again when that dies; the program is started once, and ends however it ends.
"""
