"""The turn-taking bench: scripted callers, generated audio, and what the wire says about the conversation."""
