"""`make bench`: what Understudy costs beside references that are measured in the same run.

`python -m tests.bench requests` or `... embeddings` runs one half.
"""

import sys

from tests.bench import embeddings, requests

if __name__ == "__main__":
    halves = {"requests": requests.main, "embeddings": embeddings.main}
    for name in sys.argv[1:] or list(halves):
        halves[name]()
