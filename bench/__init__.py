"""The figures of docs/benchmarks.md, measured against the real daemon as a process; ``python -m bench``."""
