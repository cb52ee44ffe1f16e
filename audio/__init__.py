"""Samples only: frames, levels, rate change, voice activity. No asyncio, no logging, no clock."""
