"""Sums over a call's frames that are wanted all the time; what they are says ``audio.sums_by_numpy``."""

try:
    from audio.frame_sums import amplified, purity, squares, weigh_delays
except ImportError:  # `make compile` was not run, or something was changed since
    from audio.sums_by_numpy import amplified, purity, squares, weigh_delays

__all__ = ["amplified", "purity", "squares", "weigh_delays"]
