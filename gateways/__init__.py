"""Side doors to the daemon: health and admin over HTTP, later dictation, widget and Telegram."""
