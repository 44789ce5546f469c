"""``python -m penstock`` is ``penstock``."""

from penstock.app.cli import main

if __name__ == "__main__":
    main()
