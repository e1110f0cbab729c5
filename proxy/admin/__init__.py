"""The operator's port: is it alive, is it ready, how is it doing, read the policies again.

It looks at everything and changes nothing but the program in force. No request of the app ever
comes here.
"""
