"""The AccessDenied text that AWS gives for a decision. Says nothing of policies to callers of other accounts."""

from __future__ import annotations

from daypass.values.caller import Caller
from daypass.values.decision import LAYER_NAMES, Ask, Decision


def denial(caller: Caller, ask: Ask, decision: Decision) -> str:
    """The message for a refused `decision` (fact sheet A, §5.11; IAM User Guide, "Troubleshoot access denied error messages")."""
    if caller.kind == "web-identity":
        return f"Not authorized to perform {ask.action}"
    text = f"User: {caller.arn or 'anonymous'} is not authorized to perform: {ask.action}"
    if ask.resource != "*":
        text += f" on resource: {ask.resource}"
    kind = LAYER_NAMES.get(decision.layer)
    if caller.account != ask.account or kind is None:
        return text
    if not decision.explicit:
        return f"{text} because no {kind} allows the {ask.action} action"
    article = "an" if kind[0] in "aeiou" else "a"
    which = f": {decision.policy}" if decision.policy.startswith("arn:") else ""
    return f"{text} with an explicit deny in {article} {kind}{which}"
