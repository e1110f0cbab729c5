"""`python -m proxy` and the script `understudy`: the same program."""

import sys


def main() -> int:
    """Run the command line; its exit status."""
    try:
        from proxy.cli import main as run  # half a second, in which Ctrl-C may come already

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
