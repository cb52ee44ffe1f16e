"""Harm done to a real daemon, and how it bears it."""
