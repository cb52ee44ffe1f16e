"""Speech to canonical text and text to words for the voice; tables are data files beside the code."""
