"""A simulation: the one engine asked about policies and a request that are only supposed, and its answers as the simulator tells them.

Runs on an outside thread over what was gathered before (simulate.py). Decides nothing itself: `policy.explain` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from daypass import policy
from daypass.policy.document import TRUST_ACTIONS, Document
from daypass.services.iam.simulate_positions import Place, statement_places
from daypass.services.iam.simulate_sources import Source, compiled
from daypass.store.guards import RCP_SERVICES
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Values
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.values.why import Considered

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]
Levels = Sequence[Sequence[policy.Policy]]

_SHOWN = ("identity", "resource", "trust")  # the layers whose statements are shown when nothing is denied explicitly
_ORDER: tuple[Verdict, ...] = ("allowed", "implicitDeny", "explicitDeny")


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust policy of a role that is there; `bound` as in `policy.read_policy`."""

    source: Source
    bound: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is held still while it is asked. `facts` are condition keys by resource, `guards` the levels of organizations' policies."""

    caller: Caller
    owner: str
    context: Mapping[str, Values]
    identity: Sequence[Source]
    boundary: Sequence[Source] = ()
    scp_texts: Sequence[Sequence[Source]] = ()
    scps: Levels = ()
    rcps: Levels = ()
    resource_policy: str = ""
    facts: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    trusts: Mapping[str, Trust] = field(default_factory=dict)


class Simulation:
    """A scene made ready. Raises Refusal (InvalidInput) for a policy that was given and is none."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._sources: dict[str, Source] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._places: dict[str, list[tuple[Place, Place]]] = {}
        self._documents: list[policy.Policy] = []
        self._trusts: dict[str, policy.Policy] = {}
        scps = [self._layer(level, "scp") for level in scene.scp_texts] or scene.scps
        boundary = self._layer(scene.boundary, "boundary")
        self._layers = policy.Layers(
            identity=tuple(self._layer(scene.identity, "identity")),
            boundary=boundary[0] if boundary else None,
            scps=tuple(tuple(level) for level in scps),
        )
        self._guarded = replace(self._layers, rcps=tuple(tuple(level) for level in scene.rcps))
        self._resource = self._read_resource(scene.resource_policy) if scene.resource_policy else None

    def results(self, wanted: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """One EvaluationResult per action; `wanted` are pairs of action and resource, those of an action together."""
        by_action: dict[str, list[dict[str, Any]]] = {}
        for action, resource in wanted:
            by_action.setdefault(action, []).append(self._ask(action, resource))
        return [_of_action(action, found) for action, found in by_action.items()]

    def _layer(self, sources: Sequence[Source], kind: policy.Kind) -> list[policy.Policy]:
        read = [self._remember(*compiled(source, kind, f"{kind} {len(self._sources)}")) for source in sources]
        self._documents += read
        return [policy.Policy.for_once(kind, read)] if read else []

    def _remember(self, made: policy.Policy, source: Source) -> policy.Policy:
        self._sources[made.name] = source
        self._labels[made.name] = {one.sid or str(one.position): number for number, one in enumerate(made.document.statements)}
        return made

    def _read_resource(self, text: str) -> policy.Policy:
        source = Source("ResourcePolicyInput", "resource", text)
        try:
            made = policy.read_policy(text, "resource", name="resource")
        except policy.PolicyError as error:
            try:
                made = policy.read_policy(text, "trust", name="resource")  # a role's own: it has no Resource
            except policy.PolicyError:
                raise Refusal("InvalidInput", f"Invalid policy in {source.id}: {error.message}") from None
        self._documents.append(self._remember(made, source))
        return policy.Policy.for_once(made.kind, [made])

    def _trust_of(self, action: str, resource: str) -> policy.Policy | None:
        """The trust policy of the role that is to be assumed, as it stands."""
        found = self._scene.trusts.get(resource) if fold(action) in TRUST_ACTIONS else None
        if found is not None and resource not in self._trusts:
            made = self._remember(*compiled(found.source, "trust", f"trust {resource}", found.bound))
            self._trusts[resource] = policy.Policy.for_once("trust", [made])
        return self._trusts.get(resource) if found is not None else None

    def _ask(self, action: str, resource: str) -> dict[str, Any]:
        scene = self._scene
        own = self._resource or self._trust_of(action, resource)
        combine: Literal["none", "either", "must"] = "none" if own is None else "must" if own.kind == "trust" else "either"
        context = {**scene.facts.get(resource, {}), **scene.context}
        ask = Ask(action, resource, scene.owner, context, combine, own)
        layers = self._guarded if fold(action).partition(":")[0] in RCP_SERVICES else self._layers
        return self._shown(ask, policy.explain(ask, scene.caller, context, layers))

    def _shown(self, ask: Ask, found: policy.Explanation) -> dict[str, Any]:
        decision = found.decision
        verdict: Verdict = "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"
        said = {layer: {one.said for one in found.layers if one.layer == layer} for layer in ("scp", "rcp", "boundary")}
        matched = [one for layer in found.layers if decision.explicit or layer.layer in _SHOWN for one in layer.matched]
        details: dict[str, Any] = {}
        if guards := (said["scp"] | said["rcp"]) - {"absent"}:
            details["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": guards == {"allow"}}
        if limits := said["boundary"] - {"absent"}:
            details["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": limits == {"allow"}}
        return {
            "EvalResourceName": ask.resource,
            "EvalDecision": verdict,
            "MatchedStatements": self._statements([one for one in matched if not decision.explicit or one.effect == "Deny"]),
            "MissingContextValues": self._missing(ask),
            "EvalDecisionDetails": _sides(found) if self._scene.caller.account != ask.account else {},
            **details,
        }

    def _statements(self, matched: Sequence[Considered]) -> list[dict[str, Any]]:
        """Those whose policy the caller of the simulator may read: not an organization's."""
        return [self._statement(one) for one in matched if one.policy in self._sources]

    def _statement(self, one: Considered) -> dict[str, Any]:
        source = self._sources[one.policy]
        shown: dict[str, Any] = {"SourcePolicyId": source.id, "SourcePolicyType": source.type}
        if source.text is None:
            return shown
        if one.policy not in self._places:
            self._places[one.policy] = statement_places(source.text)
        start, end = self._places[one.policy][self._labels[one.policy][one.statement]]
        return {**shown, "StartPosition": _position(start), "EndPosition": _position(end)}

    def _missing(self, ask: Ask) -> list[str]:
        """The keys that statements about this action mention and nobody gave a value, in alphabetical order."""
        action = fold(ask.action)
        missing: dict[str, str] = {}
        trust = ask.policy if isinstance(ask.policy, policy.Policy) and ask.policy.kind == "trust" else None
        for made in [*self._documents, *([trust] if trust else [])]:
            about = tuple(rule.statement for rule in made.rules if rule.covers(action))
            for key in policy.context_keys(Document(made.document.variables, about)):
                if fold(key) not in ask.context:
                    missing.setdefault(fold(key), key)
        return sorted(missing.values(), key=fold)


def _position(place: Place) -> dict[str, int]:
    return {"Line": place.line, "Column": place.column}


def _sides(found: policy.Explanation) -> dict[str, Verdict]:
    """What the caller's side and the resource's say, each by itself, when they are of two accounts."""
    verdicts: dict[str, Verdict] = {"allow": "allowed", "deny": "explicitDeny"}
    said = {one.layer: one.said for one in found.layers}
    resource = said.get("trust") or said.get("resource", "nothing")
    return {
        "IAM Policy": verdicts.get(said["identity"], "implicitDeny"),
        "Resource Policy": verdicts.get(resource, "implicitDeny"),
    }


def _of_action(action: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The result of an action: that of its one resource, or the worst of several, with each one's own beside it."""
    worst = max(found, key=lambda one: _ORDER.index(one["EvalDecision"]))
    name = worst["EvalResourceName"] if len(found) == 1 else "*"
    result = {"EvalActionName": action, **worst, "EvalResourceName": name}
    if len(found) == 1 and name == "*":
        return result
    specific = [{_RENAMED.get(key, key): value for key, value in one.items() if key != "OrganizationsDecisionDetail"} for one in found]
    return {**result, "MissingContextValues": [], "ResourceSpecificResults": specific}


_RENAMED = {"EvalDecision": "EvalResourceDecision"}
