"""What must be fetched from elsewhere. Engines receive the results as values; nothing here decides or verifies."""
