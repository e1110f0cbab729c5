"""`make bench`: what Understudy costs beside references that are measured in the same run.

`python -m tests.bench checks`, `... requests` or `... embeddings` runs one part.
"""

import sys

from tests.bench import checks, embeddings, requests

if __name__ == "__main__":
    parts = {"checks": checks.main, "requests": requests.main, "embeddings": embeddings.main}
    for name in sys.argv[1:] or list(parts):
        parts[name]()
