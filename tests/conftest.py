"""Hypothesis profiles: test (the default, the same examples each time), coverage (few), soak (many)."""

from hypothesis import settings

settings.register_profile("test", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile("coverage", max_examples=25, deadline=None, derandomize=True, database=None)
settings.register_profile("soak", max_examples=10_000, deadline=None, database=None)
settings.load_profile("test")
