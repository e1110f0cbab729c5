"""Answers kept for the next call that asks exactly the same, and for the hour the provider is down.

This is no HTTP cache in the sense of RFC 9111, which forbids answering a POST from the store: a
policy asks for it, and every answer from it says so (`Cache-Status`, `Age`).

It keeps whole, good, first-choice answers of chat, completions and embeddings: byte for byte, a
stream as a stream, one caller's apart from another's. It will not keep an error, a refusal, a
truncated or broken answer, a fallback's, a local one or a mock; it does not guess that two
different requests mean the same, join calls that run at the same time, or ask the provider whether
a kept answer still holds.
"""
