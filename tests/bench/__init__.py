"""Figures beside their limits, measured in one run on one machine: `make bench`, or `python -m tests.bench --help`."""
