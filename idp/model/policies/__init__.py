"""What a realm demands and bounds: passwords, failures, keys, text messages, what is kept about users."""
