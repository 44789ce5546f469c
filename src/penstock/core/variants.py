"""A rulebook with one thing changed, for what-if runs."""

from dataclasses import replace

from penstock.core.amounts import Amount, Citation, Cite, Dated
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.rulebook import Group, Layer, Rulebook

WHAT_IF = Cite(Citation("What if: not a rule of this clearing house"))
CAPITAL = "what_if_capital"
"""The layer, and its source, that ``with_capital_before`` puts in."""


def with_limit(rulebook: Rulebook, layer: str, limit: int) -> Rulebook:
    """The rulebook with another limit on one layer, in money per payer; 0 takes it out of use.

    The layer stays, so that amounts which name it still can.
    """
    _known(rulebook, layer)

    def changed(one: Layer) -> Layer:
        if one.id != layer:
            return one
        return replace(one, limit=Dated(((None, Amount(amount=limit)),)), cite=WHAT_IF)

    return replace(
        rulebook,
        layers=tuple(
            replace(item, layers=tuple(changed(one) for one in item.layers))
            if isinstance(item, Group)
            else changed(item)
            for item in rulebook.layers
        ),
    )


def with_capital_before(rulebook: Rulebook, layer: str, amount: int) -> Rulebook:
    """The rulebook with capital of the CCP right before a layer, or before the group it stands in."""
    _known(rulebook, layer)
    new = Layer(
        CAPITAL,
        payer="ccp",
        source=CAPITAL,
        limit=Dated(((None, Amount(amount=amount)),)),
        cite=WHAT_IF,
        title="Capital that was not there",
    )
    layers: list[Layer | Group] = []
    for item in rulebook.layers:
        inside = [one.id for one in item.layers] if isinstance(item, Group) else [item.id]
        layers += [new, item] if layer in inside else [item]
    return replace(rulebook, layers=tuple(layers))


def _known(rulebook: Rulebook, layer: str) -> None:
    ids = [one.id for one, _ in rulebook.all_layers()]
    if layer not in ids:
        says = f"{rulebook.rulebook} has no layer {layer!r}"
        raise Refused(Problem("RULE_REFERENCE", (), says, nearest(layer, ids) or "one of " + ", ".join(ids)))
