"""Gemini's API, at Google AI and on Vertex: content, embeddings, token counts, models.

Everything else it has (files, caches, batches, interactions, images, ...) is relayed, and judged
when it fails. It makes no answers of its own: nothing stands in for Gemini. What imitates OpenAI
there (`/v1beta/openai/`) is the dialect openai. One file a subject; `dialect` is their sum.
"""
