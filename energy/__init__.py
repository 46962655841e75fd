"""The domain: carriers and factors, periods, register arithmetic, quotas, benchmarks, warning levels.

Pure functions over frozen values and NumPy arrays. No I/O, no clock: `now` is an argument.
"""
