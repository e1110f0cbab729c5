"""The last resort: an answer of the right form that says, in words and marks, that it is none.

It keeps an application's code paths alive while nothing else answers. It stands in for chat,
completions and embeddings only, and never for anything that has an effect or a state elsewhere. It
will not pretend: no quotes of a model, no tool calls, no structured output, no vectors of a length
that the asked model does not have. What it makes is never kept in a cache.
"""
