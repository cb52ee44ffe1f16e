"""What the daemon lays on the page's desk: to be read, changed, undone."""
