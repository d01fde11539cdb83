"""`python -m draglab`: the same as the `draglab` command."""

from draglab.cli.main import run

if __name__ == "__main__":
    run()
