"""Anthropic's API: messages, old text completions, token counts, models; also on Vertex.

Everything else it has (batches, files, ...) is relayed, and judged when it fails. It makes no
answers of its own: nothing stands in for Anthropic. One file a subject; `dialect` is their sum.
"""
