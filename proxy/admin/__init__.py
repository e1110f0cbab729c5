"""The operator's port: is it alive, is it ready, how is it doing, read the policies again, take an
upstream out and put it back, ask it how it is.

It looks at everything and changes nothing but the program in force and the standing of upstreams.
No request of the app ever comes here.
"""
