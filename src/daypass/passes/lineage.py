"""Lineage: whom a pass descends from. Does not end anything (the store keeps revocations)."""

from __future__ import annotations

from daypass.values.errors import Refusal
from daypass.values.session import MAX_ANCESTORS, Ancestor, Session


def ancestors_of_child(parent: Session | None) -> tuple[Ancestor, ...]:
    """The ancestors of a session minted from `parent`: the first of the line first, the parent last; none without a parent.

    Raises Refusal AccessDenied beyond 8.
    """
    if parent is None:
        return ()
    # INVARIANT: no ancestor is ever dropped, since ending a subtree finds its descendants by them.
    if len(parent.ancestors) >= MAX_ANCESTORS:
        raise Refusal("AccessDenied", f"A session cannot descend from more than {MAX_ANCESTORS} others.", 403)
    return (*parent.ancestors, Ancestor(parent.id, parent.principal_id, parent.issued))
