"""The rules of default management as values and functions: no I/O, no clock, no randomness, no float.

Modules read in this order, each importing only those before it: problems, money, canonical,
business_days, collateral, waterfall, rulebook, scenario, rule_checks, history, terms, tranches,
replay, exposure.
"""
