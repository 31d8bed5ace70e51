"""How strong a login was: levels, their blocks, and what a session carries into the next login."""
