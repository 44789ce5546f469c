"""The only room with users and effects: the command line."""
