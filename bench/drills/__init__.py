"""Drills: what the house must survive is done to the real daemon, and what it leaves is counted."""
