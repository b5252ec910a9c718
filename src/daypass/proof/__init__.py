"""Proofs: one file per kind. Each turns a claim into facts or raises; none fetches, reads a clock or decides what may be done."""
