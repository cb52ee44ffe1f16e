"""One vendor, one file; names become objects in one table in ``agent.daemon``."""
