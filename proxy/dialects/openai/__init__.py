"""OpenAI's API: chat completions, completions, embeddings, models; also as others imitate it.

Everything else it has (responses, files, images, audio, ...) is relayed, and judged when it fails.
One file a subject; `dialect` is the sum of them.
"""
