"""The lines: everything that says channel, RTP, Stasis or SIP stays in this room."""
