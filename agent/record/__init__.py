"""What is kept of a call, where, for how long, and for whose eyes."""
