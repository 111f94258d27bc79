"""``python -m sslvqa``."""

from sslvqa.cli.main import main

if __name__ == "__main__":
    main()
