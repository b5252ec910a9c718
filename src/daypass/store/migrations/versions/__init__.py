"""One file for each schema that there was, in order. A file here is never changed once it was released."""
