"""What a client consists of: one module for each topic; `model/client.py` puts them together."""
