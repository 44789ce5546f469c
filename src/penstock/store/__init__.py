"""Bytes in and out: rulebook and scenario files, tables of members."""
