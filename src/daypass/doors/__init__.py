"""Where bytes come in, thin: from a socket to a Request, and from an Answer to the socket once its line is on disk."""
