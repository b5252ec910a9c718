"""The policy engine: read a policy, ask it. Keeps no state and gathers no facts."""

from daypass.policy.compiled import Policy, read_policy, unreadable
from daypass.policy.decide import Layers, decide
from daypass.policy.denial import denial
from daypass.policy.document import Kind
from daypass.policy.managed import ManagedText, managed_policy
from daypass.policy.syntax import PolicyError

__all__ = ["Kind", "Layers", "ManagedText", "Policy", "PolicyError", "decide", "denial", "managed_policy", "read_policy", "unreadable"]
