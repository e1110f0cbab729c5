"""What keeps a call alive while a target fails: wait, ask again, leave alone, go elsewhere.

Layers around a target (retry, guard, first_byte), the strategy over targets (sequential), and the
lasting state of each upstream (breaker, health). It sends nothing itself and knows no provider:
what an answer means is the dialect's word, how it came is the upstream room's.
"""
