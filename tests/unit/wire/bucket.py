"""A small service of rest-xml in the likeness of S3, and one that is not S3's, since none is compiled into src yet."""

from __future__ import annotations

from typing import Any

from daypass.wire.catalogue import Service

NS = "http://s3.example/doc/"
_OPERATIONS: dict[str, Any] = {
    "PutThing": {"method": "PUT", "path": "/things/{Key+}", "input": "Put", "output": "Done", "errors": ["NoSuchThing"]},
    "ReadThing": {"method": "GET", "path": "/things/{Key+}/parts", "input": "Read", "output": "Raw", "errors": []},
    "ListThings": {"method": "POST", "path": "/things", "root": "Query", "input": "List", "output": "Listed", "errors": []},
}
_SHAPES: dict[str, Any] = {
    "Text": {"type": "string", "max": 20}, "Count": {"type": "integer"},
    "Blob": {"type": "blob"}, "Texts": {"type": "list", "member": "Text"},
    "Map": {"type": "map", "key": "Text", "value": "Text"},
    "Thing": {"type": "structure", "members": {"Name": "Text"}},
    "Put": {
        "type": "structure", "payload": "Thing", "required": ["Key"],
        "members": {
            "Key": {"shape": "Text", "in": "uri"}, "Thing": {"shape": "Thing", "wire": "Thing"},
            "Attributes": {"shape": "Texts", "wire": "x-amz-attributes", "in": "header"},
            "Metadata": {"shape": "Map", "wire": "x-amz-meta-", "in": "headers"},
        },
    },
    "Done": {"type": "structure", "members": {"Tag": {"shape": "Text", "wire": "ETag", "in": "header"}}},
    "Read": {"type": "structure", "members": {"Key": {"shape": "Text", "in": "uri"}}},
    "Raw": {
        "type": "structure", "payload": "Body",
        "members": {
            "Body": "Blob", "Type": {"shape": "Text", "wire": "Content-Type", "in": "header"},
            "Metadata": {"shape": "Map", "wire": "x-amz-meta-", "in": "headers"},
        },
    },
    "List": {"type": "structure", "members": {"Most": "Count", "Prefix": "Text"}},
    "Listed": {"type": "structure", "root": "ListResult", "members": {"Names": {"shape": "Texts", "wire": "Name", "flat": True}}},
    "NoSuchThing": {
        "type": "structure", "error": {"code": "NoSuchThing", "fault": False, "status": 404},
        "members": {"Message": "Text", "Key": {"shape": "Text", "wire": "key"},
                    "Wait": {"shape": "Count", "wire": "Retry-After", "in": "header"}},
    },
}  # fmt: skip


def service(signing_name: str = "s3", endpoint_prefix: str = "s3") -> Service:
    return Service({
        "service": "things", "protocol": "rest-xml", "apiVersion": "2026-11-24", "signingName": signing_name, "targetPrefix": "",
        "endpointPrefix": endpoint_prefix, "jsonVersion": "",
        "xmlNamespace": NS, "botocore": "", "shapes": _SHAPES, "operations": _OPERATIONS,
    })  # fmt: skip


S3 = service()
S3_CONTROL = service("s3", "s3-control")
DNS = service("dns", "dns")
