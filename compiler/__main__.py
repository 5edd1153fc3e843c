"""`python -m gatec`."""

from gatec.cli import main

if __name__ == "__main__":
    main()
