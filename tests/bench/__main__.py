"""`make bench`: what Understudy costs beside references that are measured in the same run.

`python -m tests.bench checks` runs one part: checks, requests, interception or embeddings.
"""

import sys

from tests.bench import checks, embeddings, interception, requests

if __name__ == "__main__":
    parts = {
        "checks": checks.main,
        "requests": requests.main,
        "interception": interception.main,
        "embeddings": embeddings.main,
    }
    for name in sys.argv[1:] or list(parts):
        parts[name]()
