"""Amazon Bedrock's runtime: Converse and InvokeModel, plain and streamed. SageMaker fails alike.

Relayed untouched with resilience: the app signs what it sends (SigV4), so neither the path nor the
body can be another. Everything else that AWS has is relayed, and judged when it fails.
"""
