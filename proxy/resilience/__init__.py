"""What keeps a call alive while a target fails: wait, ask again, leave alone, go elsewhere.

    deadline     until when the whole call has to be answered
    choice/      who is asked, in which order or at once
    attempt/     one target, asked once or again
    stream/      answers that have begun, and what becomes of one that breaks
    standing/    what is remembered of each upstream

It sends nothing itself and knows no provider: what an answer means is the dialect's word, how it
came is the upstream room's.
"""
