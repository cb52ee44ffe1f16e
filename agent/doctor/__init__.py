"""``allo doctor``: what a call needs, whether it is there, and what to do where it is not."""
