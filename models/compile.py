"""Compiles the pinned botocore's service models: shapes and traits, no documentation texts. Writes no file (__main__.py does).

The output depends on nothing but botocore and this folder, so that an upgrade is a diff to review.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader

from models.java import CATEGORIES
from models.linear import pattern_of

ROOT = Path(__file__).resolve().parents[1]
WIRE = ROOT / "src" / "daypass" / "wire"
SERVICES = (
    "sts", "iam", "organizations", "sso", "sso-oidc", "sso-admin", "identitystore", "signin", "cognito-identity", "cognito-idp",
    "rolesanywhere", "iot", "secretsmanager", "eks-auth", "lambda",
)  # fmt: skip

# Shapes that carry a secret or a proof and that the models do not mark as sensitive.
ALSO_SENSITIVE = {
    ("sts", "SAMLAssertionType"), ("sts", "contextAssertionType"), ("sts", "tokenCodeType"), ("sts", "tokenType"),
    ("sts", "encodedMessageType"),  # people paste into it what they have
    ("iam", "authenticationCodeType"), ("sso-oidc", "AuthCode"), ("sso-oidc", "DeviceCode"), ("sso-oidc", "UserCode"),
    ("signin", "AuthorizationCode"), ("signin", "IdToken"),
}  # fmt: skip
_PLAIN = ("required", "min", "max", "enum", "sensitive", "document", "union", "payload")
_LOCATIONS = {"uri": "uri", "querystring": "query", "header": "header", "headers": "headers", "statusCode": "status"}


def compile_service(name: str) -> dict[str, Any]:
    """The compiled model of one service."""
    loader = Loader(include_default_search_paths=False)
    loader.search_paths.append(str(Path(botocore.__file__).parent / "data"))
    model = loader.load_service_model(name, "service-2")
    operations = {key: _operation(key, value, model) for key, value in sorted(model["operations"].items())}
    left_out = {key for key in operations if _streams(model["operations"][key], model["shapes"])}
    kept = {key: value for key, value in operations.items() if key not in left_out}
    meta = model["metadata"]
    out: dict[str, Any] = {
        "service": name,
        "protocol": meta["protocol"],
        "apiVersion": meta["apiVersion"],
        "signingName": meta.get("signingName", meta["endpointPrefix"]),
        "endpointPrefix": meta["endpointPrefix"],
        "targetPrefix": meta.get("targetPrefix", ""),
        "jsonVersion": meta.get("jsonVersion", ""),
        "xmlNamespace": meta.get("xmlNamespace") or _namespace(model),
        "botocore": botocore.__version__,
        "leftOut": sorted(left_out),
        "operations": kept,
    }
    shapes = _reachable(kept.values(), model["shapes"])
    out["shapes"] = {key: _shape(name, key, model["shapes"]) for key in sorted(shapes)}
    return out


def _operation(name: str, source: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    http = source["http"]
    out: dict[str, Any] = {"method": http["method"], "path": http["requestUri"]}
    if http.get("responseCode", 200) != 200:
        out["status"] = http["responseCode"]
    for side in ("input", "output"):
        if side in source:
            out[side] = source[side]["shape"]
    if "resultWrapper" in source.get("output", {}):
        out["wrapper"] = source["output"]["resultWrapper"]
    if "locationName" in source.get("input", {}):
        out["root"] = source["input"]["locationName"]
    if source.get("authtype") == "none":
        out["unsigned"] = True
    out["errors"] = sorted(error["shape"] for error in source.get("errors", ()))
    return out


def _namespace(model: Mapping[str, Any]) -> str:
    """The one namespace of a rest-xml service, which its model repeats at operations and members instead of naming it once."""
    inputs = [operation.get("input", {}) for operation in model["operations"].values()]
    members = [member for shape in model["shapes"].values() for member in shape.get("members", {}).values()]
    found = {trait["xmlNamespace"]["uri"] for trait in (*inputs, *members) if "xmlNamespace" in trait}
    if len(found) > 1:
        raise ValueError(f"several namespaces: {sorted(found)}")
    return found.pop() if found else ""


def _streams(operation: Mapping[str, Any], shapes: Mapping[str, Any]) -> bool:
    """Whether input or output is an event stream or an unbounded body: those do not pass through this codec."""
    for side in ("input", "output"):
        shape = shapes[operation[side]["shape"]] if side in operation else {}
        for member in shape.get("members", {}).values():
            target = shapes[member["shape"]]
            if target.get("eventstream") or target.get("streaming") or member.get("streaming"):
                return True
    return False


def _references(shape: Mapping[str, Any]) -> list[str]:
    found = [member["shape"] for member in shape.get("members", {}).values()]
    return found + [shape[key]["shape"] for key in ("member", "key", "value") if key in shape]


def _reachable(operations: Iterable[Mapping[str, Any]], shapes: Mapping[str, Any]) -> set[str]:
    waiting = [ref for op in operations for ref in [op.get("input"), op.get("output"), *op["errors"]] if ref]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(shapes[name])
    return found


def _shape(service: str, name: str, shapes: Mapping[str, Any]) -> dict[str, Any]:
    source = shapes[name]
    out: dict[str, Any] = {"type": source["type"]}
    out |= {key: source[key] for key in _PLAIN if source.get(key) not in (None, False, [])}
    if (service, name) in ALSO_SENSITIVE:
        out["sensitive"] = True
    if "timestampFormat" in source:
        out["format"] = source["timestampFormat"]
    if "pattern" in source:
        out["pattern"] = source["pattern"]
        match = pattern_of(source["pattern"])
        if match != source["pattern"]:
            out["match"] = match
    if source.get("exception"):
        error = source.get("error", {})
        fault = bool(source.get("fault") or error.get("fault"))
        out["error"] = {"code": error.get("code", name), "fault": fault}
        if "httpStatusCode" in error:
            out["error"]["status"] = error["httpStatusCode"]
    if source["type"] == "structure":
        out["members"] = {key: _member(value, shapes[value["shape"]]) for key, value in source["members"].items()}
    out |= {key: source[key]["shape"] for key in ("member", "key", "value") if key in source}
    return out | _xml_traits(source)


def _xml_traits(source: Mapping[str, Any]) -> dict[str, Any]:
    """How elements of a shape are named where that is not the usual."""
    out: dict[str, Any] = {}
    for key, trait in (("member", "itemWire"), ("value", "itemWire"), ("key", "keyWire")):
        if "locationName" in source.get(key, {}):
            out[trait] = source[key]["locationName"]
    if "prefix" in source.get("xmlNamespace", {}):
        out["prefixes"] = {source["xmlNamespace"]["prefix"]: source["xmlNamespace"]["uri"]}
    if "locationName" in source:
        out["root"] = source["locationName"]
    return out


def _member(source: Mapping[str, Any], target: Mapping[str, Any]) -> Any:
    """A member that is flattened has its items' name, where they have one; a shape's own name counts where the member has none."""
    out = {"shape": source["shape"]}
    traits = {**target, **source}
    if traits.get("flattened"):
        out["flat"] = True
        traits |= {key: value for key, value in target.get("member", {}).items() if key == "locationName"}
    if "locationName" in traits:
        out["wire"] = traits["locationName"]
    if "location" in source:
        out["in"] = _LOCATIONS[source["location"]]
    if source.get("xmlAttribute"):
        out["in"] = "attribute"
    return out["shape"] if len(out) == 1 else out


def index(models: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What routing needs of all services without loading any of them."""
    out: dict[str, Any] = {}
    for model in models:
        rest = model["protocol"].startswith("rest")
        operations = {key: [op["method"], op["path"]] if rest else [] for key, op in model["operations"].items()}
        traits = {key: model[key] for key in ("protocol", "apiVersion", "signingName", "targetPrefix")}
        out[model["service"]] = {**traits, "operations": operations if rest else sorted(operations)}
    return {"services": out}


def categories() -> dict[str, Any]:
    """The Unicode categories that patterns name, as the inside of a Python set, in order of code points."""
    out: dict[str, Any] = {"unicode": unicodedata.unidata_version}
    for category in CATEGORIES:
        ranges: list[list[int]] = []
        for code in range(0x110000):
            if unicodedata.category(chr(code))[0] == category:
                if ranges and ranges[-1][1] == code - 1:
                    ranges[-1][1] = code
                else:
                    ranges.append([code, code])
        out[category] = ranges
    return out


def dump(model: Mapping[str, Any]) -> str:
    """JSON with one operation, shape or range list per line, so that a diff reads."""
    lines = []
    for key, value in model.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(item, ensure_ascii=True)}" for name, item in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


@cache
def models() -> tuple[dict[str, Any], ...]:
    """Every compiled model, those of src/daypass/wire/extra last."""
    own = [json.loads(path.read_text("utf-8")) for path in sorted((WIRE / "extra").glob("*.json"))]
    return (*(compile_service(name) for name in SERVICES), *own)


def outputs() -> dict[Path, str]:
    """Every generated file below src and its text."""
    files = {WIRE / "models" / f"{model['service']}.json": dump(model) for model in models() if model["botocore"]}
    files[WIRE / "models" / "index.json"] = dump(index(models()))
    return files
