"""Voices in their order, what they say most often, and those cloned from recordings."""
