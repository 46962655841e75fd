"""`python -m enermon`."""

from enermon.cli import main

main()
