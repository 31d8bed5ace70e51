"""What a realm tells about itself: discovery, its public keys."""
