"""The policy engine: read a policy, ask it. Keeps no state and gathers no facts."""

from daypass.policy.compiled import Policy, read_policy, unreadable
from daypass.policy.decide import Layers, decide
from daypass.policy.document import Kind
from daypass.policy.message import access_denied
from daypass.policy.syntax import PolicyError

__all__ = ["Kind", "Layers", "Policy", "PolicyError", "access_denied", "decide", "read_policy", "unreadable"]
