"""Persons: who is new, who changed, and who turns out to be somebody the source listed under another id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.outcomes import Fact
from connectors.school import vocabulary
from connectors.school.merge import Merged
from connectors.school.occasion import Occasion, institution
from connectors.school.state import State, User
from schemas.records import Identifier, Relation, RelationKind


@dataclass(frozen=True, slots=True)
class _Profile:
    """A person as the whole state says, names apart."""

    user: User
    roles: tuple[str, ...]
    relations: tuple[Relation, ...]
    digest: str


def people(old: State, merged: Merged, occasion: Occasion) -> tuple[list[Fact], dict[str, str]]:
    """The facts, and the digests of what the bus then knows of each person."""
    told = dict(old.people)
    profiles = _profiles(merged.state, occasion)
    same_person = _by_national_id(merged.state.users)
    found: list[Fact] = []
    for ref, profile in profiles.items():
        if told.get(ref) == profile.digest:
            continue
        others = [other for other in same_person.get(_national(profile.user), ()) if other != ref]
        gone = profile.user.status == "tobedeleted"
        if gone and any(merged.state.users[other].status != "tobedeleted" for other in others):
            told[ref] = profile.digest  # the id ended, the person goes on under another
            continue
        linked = [other for other in others if other in told]
        if ref not in told and linked:
            found.append(_linked(ref, profile, linked, occasion))
        registered = ref not in told and not linked
        found.append(_person(ref, profile, merged, occasion, registered=registered))
        told[ref] = profile.digest
    return found, told


def _profiles(state: State, occasion: Occasion) -> dict[str, _Profile]:
    rows: dict[str, set[str]] = {}
    for row in state.roles.values():
        rows.setdefault(row.user, set()).add(row.role)
    source_roles = {
        ref: tuple(sorted(rows.get(ref, set()) | ({user.role} if user.role else set())))
        for ref, user in state.users.items()
    }
    roles = {
        ref: tuple(sorted({vocabulary.person_role(role) for role in said}))
        for ref, said in source_roles.items()
    }
    profiles = {}
    for ref in sorted(state.users):
        user = state.users[ref]
        relations = tuple(_relation(roles[ref], agent, roles, occasion) for agent in user.agents)
        digest = occasion.context.digest(
            user.digest,
            user.identifiers,
            state.births.get(ref, ""),
            source_roles[ref],
            relations,
            institution(occasion, user.org),
        )
        profiles[ref] = _Profile(user, roles[ref], relations, digest)
    return profiles


def _relation(
    own: tuple[str, ...], agent: str, roles: Mapping[str, tuple[str, ...]], occasion: Occasion
) -> Relation:
    """``agentSourcedIds`` does not say what the other is, so both roles decide: a guess gives no rights."""
    theirs = roles.get(agent, ())
    kind: RelationKind = "OTHER"
    if "PUPIL" in own and "GUARDIAN" in theirs:
        kind = "HAS_GUARDIAN"
    elif "GUARDIAN" in own and "PUPIL" in theirs:
        kind = "GUARDIAN_OF"
    return {"kind": kind, "person": occasion.user(agent).identifiers[0]}


def _person(ref: str, profile: _Profile, merged: Merged, occasion: Occasion, *, registered: bool) -> Fact:
    user = profile.user
    recorded, remarks = occasion.recorded(user.recorded)
    if not vocabulary.is_standard_status(user.status) or (
        user.role and not vocabulary.is_standard_role(user.role)
    ):
        remarks.append(vocabulary.UNKNOWN_CODE)
    return Fact(
        record="PersonRegistered" if registered else "PersonUpdated",
        identifiers=user.identifiers,
        occurred=recorded,
        recorded=recorded,
        body={
            "status": vocabulary.person_status(user.status),
            "roles": list(profile.roles),
            "relations": list(profile.relations),
            "institution": institution(occasion, user.org) if user.org else None,
            "details": _details(ref, merged),
        },
        sensitivity="PERSONAL",
        protection=user.protection,
        remarks=(*user.remarks, *remarks),
        identity=occasion.identity("users", ref),
        content=profile.digest,
    )


def _details(ref: str, merged: Merged) -> dict[str, Any] | None:
    """Names and birth date, as far as this set holds them: the connector does not keep them."""
    row, birth = merged.users.get(ref), merged.births.get(ref)
    if (row is None or row.deleted) and birth is None:
        return None
    return {
        "family_name": (row["familyName"] or None) if row else None,
        "given_name": (row["givenName"] or None) if row else None,
        "birth_date": (birth["birthDate"] or None) if birth else None,
    }


def _linked(ref: str, profile: _Profile, others: Iterable[str], occasion: Occasion) -> Fact:
    recorded, remarks = occasion.recorded(profile.user.recorded)
    return Fact(
        record="IdentityLinked",
        identifiers=profile.user.identifiers,
        occurred=recorded,
        recorded=recorded,
        body={
            "linked": [occasion.local(other) for other in others],
            "reason": {"code": "sourcedId", "system": "oneroster", "mapped": "LINKED"},
        },
        sensitivity="PERSONAL",
        protection=profile.user.protection,
        remarks=tuple(remarks),
        identity=occasion.identity("links", ref),
        content=profile.digest,
    )


def _national(user: User) -> str:
    first: Identifier = user.identifiers[0]
    return first["pseudonym"] if first["national"] else ""


def _by_national_id(users: Mapping[str, User]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for ref in sorted(users):
        if national := _national(users[ref]):
            found.setdefault(national, []).append(ref)
    return found
