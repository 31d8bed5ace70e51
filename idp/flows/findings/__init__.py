"""What is wrong with the shape of a compiled flow, and with its levels."""
