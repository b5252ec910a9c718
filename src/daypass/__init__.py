"""daypass: a proof comes in, a policy decides, a pass goes out, a line is recorded."""

__version__ = "0.1.0"
