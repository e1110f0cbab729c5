"""The nouns that everything else is said in: Call, Reply, Failure, Handler, events, Clock and Dice.

Floor 0: standard library only, and no input, output, waiting or logging of its own.
"""
