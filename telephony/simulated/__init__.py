"""A modem that is not there: for tests, and for people who have none yet."""
