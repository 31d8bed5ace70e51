"""Messages to users: text messages on their way, and the server that letters leave by."""
