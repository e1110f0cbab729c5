"""What keeps a call alive while a target fails: wait, ask again, leave alone, go elsewhere.

Layers around a target (retry, hold, limited, guard, first_byte), the strategies over targets
(sequential, fastest, load_balanced), what surrounds them (resume, last_resort, deadline), and the
lasting state of each upstream (breaker, health, and what else is in `state`), with probes of our
own. It sends nothing itself and knows no provider: what an answer means is the dialect's word, how
it came is the upstream room's.
"""
