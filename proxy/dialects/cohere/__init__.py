"""Cohere's API: chat (v1 and v2), embed and rerank.

Relayed with resilience and judged; everything else it has is relayed, and judged when it fails. Its
imitation of OpenAI (`/compatibility/v1`) is of the dialect openai.
"""
