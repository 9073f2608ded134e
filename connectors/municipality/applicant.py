"""Whom the facts of a case are about, when its documents do not agree. Pure.

The case's own id stands in for the applicant where a document names nobody, so it is listed as one of the
applicant's identifiers, and the router joins whatever has an identifier in common. A corrected applicant is
somebody else: listed for both, the case's id would make one citizen of two people. It stays with the first.
"""

from collections.abc import Sequence
from dataclasses import replace

from connectors.municipality.difference import State
from connectors.municipality.facts import CaseFact


def about(state: State, facts: Sequence[CaseFact]) -> tuple[State, list[CaseFact]]:
    """The facts with the identifiers that they may list, and the state that knows the applicant."""
    if not facts:
        return state, []
    *named, local = facts[0].fact.identifiers
    applicant = named[0] if named else state.applicant
    if applicant is None:
        return state, list(facts)
    first = state.first_applicant or applicant
    identifiers = (applicant, local) if applicant == first else (applicant,)
    state = replace(state, applicant=applicant, first_applicant=first)
    return state, [replace(each, fact=replace(each.fact, identifiers=identifiers)) for each in facts]
