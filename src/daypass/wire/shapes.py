"""What a compiled model says: services, operations, members and shapes. Does not read files (catalogue.py does) and moves no bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Protocol = Literal["query", "json", "rest-json", "rest-xml"]
Kind = Literal["structure", "list", "map", "string", "integer", "long", "float", "double", "boolean", "blob", "timestamp"]
Place = Literal["", "uri", "query", "header", "headers", "status", "attribute"]


@dataclass(frozen=True, slots=True)
class ServiceShape:
    """The traits of a service. `name` is botocore's name for it, `target_prefix` is "" unless the protocol is json."""

    name: str
    protocol: Protocol
    api_version: str
    signing_name: str
    endpoint_prefix: str
    target_prefix: str
    json_version: str
    xml_namespace: str
    botocore: str

    @property
    def of_s3(self) -> bool:
        """Whether codes and request ids are S3's: of S3 itself and of its control service."""
        return self.protocol == "rest-xml" and self.signing_name == "s3"


@dataclass(frozen=True, slots=True)
class ErrorTrait:
    """What makes a structure an error: its code on the wire, its status (None: the model gives none), whose fault it is."""

    code: str
    status: int | None
    fault: bool


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of a structure: `wire` is its name on the wire, `place` where it travels ("" = in the body).

    `headers` are all those that begin with `wire`, an `attribute` is one of the structure's own element. `flat` tells of a list or map
    that its items have no element around them.
    """

    name: str
    wire: str
    place: Place
    shape: Shape
    flat: bool = False


@dataclass(slots=True, eq=False)
class Shape:
    """A shape with its traits. Shapes refer to each other, also in circles, so that the catalogue fills the references afterwards."""

    name: str
    kind: Kind
    members: Mapping[str, Member] = field(default_factory=dict, repr=False)
    item: Shape | None = field(default=None, repr=False)  # of a list, and the value of a map
    key: Shape | None = field(default=None, repr=False)
    required: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple[str, ...] = ()
    pattern: str = ""  # as the model writes it, for messages
    match: str = ""  # as patterns.py runs it; "" = everything matches
    sensitive: bool = False
    document: bool = False
    union: bool = False
    payload: str = ""
    timestamp_format: str = ""
    item_wire: str = "member"  # the element of an item; of a map, that of the value
    key_wire: str = "key"
    prefixes: Mapping[str, str] = field(default_factory=dict, repr=False)  # of attributes → namespace
    root: str = ""  # the element around the structure where it is a whole body
    error: ErrorTrait | None = None


@dataclass(slots=True, eq=False)
class OperationShape:
    """An operation as the model has it. `members` are those of the input; equality is identity, so that it may key a cache.

    `unsigned` tells that clients send it without any credential. `wrapper` is the element around the result in the query protocol,
    `root` the one around an input of XML.
    """

    name: str
    service: ServiceShape
    method: str
    path: str
    status: int
    input: Shape
    output: Shape
    wrapper: str
    unsigned: bool
    root: str
    errors: tuple[Shape, ...]

    @property
    def members(self) -> Mapping[str, Member]:
        """Input member name → member."""
        return self.input.members

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the input members that must come."""
        return self.input.required

    def error(self, code: str) -> Shape | None:
        """The modelled error of that wire code or shape name."""
        for shape in self.errors:
            if shape.name == code or (shape.error and shape.error.code == code):
                return shape
        return None


def read_shapes(source: Mapping[str, Mapping[str, Any]]) -> dict[str, Shape]:
    """Build the shapes of one compiled model and join their references."""
    shapes = {name: _bare(name, traits) for name, traits in source.items()}
    for name, traits in source.items():
        shape = shapes[name]
        if shape.kind == "structure":
            shape.members = dict(_members(traits["members"], shapes))
        for key in ("member", "value"):
            if key in traits:
                shape.item = shapes[traits[key]]
        if "key" in traits:
            shape.key = shapes[traits["key"]]
    return shapes


def _bare(name: str, traits: Mapping[str, Any]) -> Shape:
    error = traits.get("error")
    return Shape(
        name=name,
        kind=traits["type"],
        required=tuple(traits.get("required", ())),
        minimum=traits.get("min"),
        maximum=traits.get("max"),
        enum=tuple(traits.get("enum", ())),
        pattern=traits.get("pattern", ""),
        match=traits.get("match", traits.get("pattern", "")),
        sensitive=traits.get("sensitive", False),
        document=traits.get("document", False),
        union=traits.get("union", False),
        payload=traits.get("payload", ""),
        timestamp_format=traits.get("format", ""),
        item_wire=traits.get("itemWire", "value" if traits["type"] == "map" else "member"),
        key_wire=traits.get("keyWire", "key"),
        prefixes=traits.get("prefixes", {}),
        root=traits.get("root", name),
        error=ErrorTrait(error["code"], error.get("status"), error["fault"]) if error else None,
    )


def _members(source: Mapping[str, Any], shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Member]]:
    for name, value in source.items():
        traits: dict[str, Any] = {"shape": value} if isinstance(value, str) else value
        yield name, Member(name, traits.get("wire", name), traits.get("in", ""), shapes[traits["shape"]], traits.get("flat", False))
