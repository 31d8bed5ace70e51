"""The example relying party, examined over real HTTP against a tiny provider that can be told to misbehave."""
