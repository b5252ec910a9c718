"""The policy engine: read a policy, ask it. Keeps no state and gathers no facts."""

from daypass.policy.compiled import Policy, read_policy, unreadable
from daypass.policy.dangers import Warned, warnings
from daypass.policy.decide import Layers, decide
from daypass.policy.denial import denial
from daypass.policy.document import OLD_VERSION, Kind
from daypass.policy.explain import Explanation, LayerSaid, explain
from daypass.policy.keys import context_keys
from daypass.policy.managed import ManagedText, managed_policy
from daypass.policy.suppose import Assumed, Suppose, Supposition, could_allow
from daypass.policy.syntax import PolicyError

__all__ = [
    "OLD_VERSION",
    "Assumed",
    "Explanation",
    "Kind",
    "LayerSaid",
    "Layers",
    "ManagedText",
    "Policy",
    "PolicyError",
    "Suppose",
    "Supposition",
    "Warned",
    "context_keys",
    "could_allow",
    "decide",
    "denial",
    "explain",
    "managed_policy",
    "read_policy",
    "unreadable",
    "warnings",
]
