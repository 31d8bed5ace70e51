"""What the ports promise, topic by topic: each verb written once, as a pure function of a transaction over a kernel."""
