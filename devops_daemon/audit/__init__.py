"""The weekly audit: whether the monitoring itself is any good."""
