"""The nouns all else is said in: Call, Reply, Failure, Handler, events, Journal, Clock, Dice.

Floor 0: standard library only, and no input, output, waiting or logging of its own.
"""
