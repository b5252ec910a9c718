"""How a command ends: the exit codes of the operator's contract and the one error that carries them. Prints nothing itself."""

from __future__ import annotations

# DESIGN §5, "Exit codes"; scripts rely on them
OK = 0
USAGE = 2
SIGN_IN = 3
DENIED = 4
UNREACHABLE = 5
CONFIG = 6  # clock, TLS, configuration, or a ledger that is not intact

INTERRUPTED = 130  # 128 + SIGINT, as shells expect


_ENCODED = ". Encoded authorization failure message: "


def sentence(message: str) -> str:
    """The message of a refusal without its sealed end, which is no reading for people (`daypass explain` tells what is in it)."""
    return message.partition(_ENCODED)[0]


class Trouble(Exception):
    """A command cannot do what was asked.

    `what` says what happened and where (which profile or DIR), `remedy` the next command to type ("" when there is none),
    `exit_code` one of the codes above.
    """

    def __init__(self, exit_code: int, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.exit_code = exit_code
        self.what = what
        self.remedy = remedy
