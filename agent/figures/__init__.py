"""What is told to those who watch: figures, traces, log lines, the state of the machine."""
