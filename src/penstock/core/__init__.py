"""The rules of default management as values and functions: no I/O, no clock, no randomness, no float.

Modules read in this order, each importing only those before it: problems, money, canonical,
business_days, collateral, waterfall, amounts, rulebook, variants, scenario, amount_checks,
order_checks, rule_checks, scenario_checks, history, terms, plans, tranches, results, replay, exposure.
"""
