"""Makes a policy into a program and runs calls through it.

`compile` is where the order of the layers is written, here and only here. It opens no port, speaks
no HTTP, and knows no provider.
"""
