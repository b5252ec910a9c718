"""The way of a request: which operation, who, what, may they, do it, say so, write it down. One function, `handle`."""
