"""One target, asked once or again: how often, how many at once, by whose leave, and the answer held
back until it is worth something.
"""
