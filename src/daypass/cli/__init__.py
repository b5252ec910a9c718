"""The operator's commands, one file per group. They speak to a running server over its socket and never open its files' secrets."""
