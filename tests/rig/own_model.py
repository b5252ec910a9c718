"""daypass's own model (src/daypass/wire/extra/daypass.json) in botocore's form, so that botocore can be its client too."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def own_model() -> dict[str, Any]:
    """A service-2 document of the service "daypass"."""
    compiled = json.loads((files("daypass") / "wire" / "extra" / "daypass.json").read_text())
    return {
        "metadata": {
            "apiVersion": compiled["apiVersion"],
            "endpointPrefix": compiled["endpointPrefix"],
            "jsonVersion": compiled["jsonVersion"],
            "protocol": "json",
            "serviceId": "daypass",
            "signatureVersion": "v4",
            "signingName": compiled["signingName"],
            "targetPrefix": compiled["targetPrefix"],
        },
        "operations": {name: _operation(name, made) for name, made in compiled["operations"].items()},
        "shapes": {name: _shape(made) for name, made in compiled["shapes"].items()},
    }


def _operation(name: str, made: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": name, "http": {"method": made["method"], "requestUri": made["path"]}}
    for side in ("input", "output"):
        if made.get(side):
            shown[side] = {"shape": made[side]}
    return shown


def _shape(made: dict[str, Any]) -> dict[str, Any]:
    shown = dict(made)
    if made["type"] == "structure":
        shown["members"] = {
            name: {"shape": member if isinstance(member, str) else member["shape"]} for name, member in made.get("members", {}).items()
        }
    if made["type"] == "list":
        item = made.get("member") or made.get("item")
        shown["member"] = {"shape": item if isinstance(item, str) else item["shape"]}
    return shown
