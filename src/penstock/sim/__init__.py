"""The rules on arrays: stress matrices, sizing, simulation. Imports the rules, never files or pages."""
