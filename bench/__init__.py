"""What a request costs the server, as ratios measured in one run. `python -m bench` prints them; nothing here is a test."""
