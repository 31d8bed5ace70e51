"""What users prove themselves with, where it is more than a word: WebAuthn, recovery codes."""
