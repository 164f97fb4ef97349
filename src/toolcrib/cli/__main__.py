"""`python -m toolcrib.cli`."""

from .main import main

main()
