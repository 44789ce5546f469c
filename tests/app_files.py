"""The files of a small simulation."""

from pathlib import Path

SCENARIO = """
scenario: Five members
currency: EUR
rulebook:
  rulebook: example/futures
  title: Example Clearing
  currency: EUR
  layers:
    - {id: defaulter_margin, payer: defaulter, source: initial_margin}
    - {id: defaulter_fund, payer: defaulter, source: default_fund}
    - {id: own_capital, payer: ccp, source: own_capital, limit: {amount: "10000000"}}
    - {id: fund, payer: members, source: default_fund, share: default_fund}
    - id: calls
      payer: members
      source: assessment
      share: default_fund
      limit: {multiple: "1", of: default_fund}
    - {id: haircut, payer: members, source: gains, share: gains}
resources:
  members:
    ALPHA: {initial_margin: "120000000", default_fund: "30000000", gains: "0"}
    BETA: {initial_margin: "80000000", default_fund: "22000000", gains: "0"}
    GAMMA: {initial_margin: "60000000", default_fund: "15000000", gains: "0"}
    DELTA: {initial_margin: "30000000", default_fund: "9000000", gains: "0"}
    EPSILON: {initial_margin: "10000000", default_fund: "4000000", gains: "0"}
defaults:
  - {member: ALPHA, at: "2026-01-05T10:00:00+01:00", loss: "0"}
"""
RISK = """\
member,probability,correlation,block,loss_volatility,market,wrong_way,unable,gains_up,gains_down
ALPHA,0.04,0.3,banks,60000000,0.6,0.2,0.05,0,25000000
BETA,0.06,0.3,banks,40000000,-0.5,0.2,0.05,20000000,0
GAMMA,0.1,0.25,banks,30000000,0.6,0,0.1,0,12000000
DELTA,0.2,0.2,brokers,20000000,-0.6,0,0.1,8000000,0
EPSILON,0.3,0.2,brokers,8000000,0.4,0,0.2,0,3000000
"""
MODEL = """
simulation: Five members under a t copula
scenario: scenario.yaml
members: risk.csv
copula: {kind: student_t, degrees_of_freedom: "4"}
losses: {tail: student_t, mixing: copula}
correlations:
  - {between: [banks, brokers], is: "0.5"}
  - {between: [banks, market], is: "-0.3"}
"""


def folder_of(tmp_path: Path) -> Path:
    """A simulation's files; the simulation itself."""
    tmp_path.mkdir(exist_ok=True)
    for name, text in (("scenario.yaml", SCENARIO), ("risk.csv", RISK), ("model.yaml", MODEL)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "model.yaml"
