"""The conversation: what was heard, what is answered, how it is spoken and recorded."""
