"""`python -m proxy` is the same program as `understudy`."""

import sys

from proxy.cli import main

sys.exit(main())
