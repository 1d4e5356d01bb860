"""query: operation and parameters in a form (`Action=…&Tags.member.1.Key=…`), answers in XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.protocol import Fault, Parse, Serialize
from lambdad.gateway.protocols.query_errors import query_code
from lambdad.gateway.protocols.scalars import ISO8601, serialization_error, text_reader
from lambdad.gateway.protocols.xml_values import XmlValues, element, open_element

CONTENT_TYPE = "text/xml"

# Dots in a field's name. The models have 14 at most; each makes a dictionary, a hundred times as
# large as the part that it is for.
_DEEPEST = 20

# A form's fields as a tree: "A.member.1" = "x" is {"A": {"member": {"1": "x"}}}.
Tree = dict[str, Any]
_Reader = Callable[[Any], Any]


class Query:
    """The protocol query, speaking for one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._namespace = model.metadata.get("xmlNamespace", "")
        self._values = XmlValues()
        self._readers: dict[str, _Reader] = {}

    def compile_parse(self, operation: OperationModel) -> Parse:
        """The form is the input shape."""
        if operation.input_shape is None:
            return lambda request: {}
        read = self._structure_reader(operation.input_shape)

        def parse(request: Request) -> dict[str, Any]:
            parameters: dict[str, Any] = read(_tree(request.form))
            return parameters

        return parse

    def compile_serialize(self, operation: OperationModel) -> Serialize:
        """`<ActionResponse><ActionResult>…</ActionResult><ResponseMetadata/></ActionResponse>`."""
        shape = operation.output_shape
        write = None if shape is None else self._values.structure_writer(shape)
        wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
        root = open_element(f"{operation.name}Response", self._namespace)
        close = f"</{operation.name}Response>"

        def serialize(result: Mapping[str, Any], request_id: str) -> Response:
            content = "" if write is None else write(result)
            if wrapper:
                content = f"<{wrapper}>{content}</{wrapper}>"
            metadata = f"<ResponseMetadata>{element('RequestId', request_id)}</ResponseMetadata>"
            return _answer(200, f"{root}{content}{metadata}{close}")

        return serialize

    def serialize_error(self, fault: Fault, request_id: str) -> Response:
        """`<ErrorResponse><Error>Type, Code, Message, members</Error><RequestId/></…>`."""
        error = [
            element("Type", "Sender" if fault.is_senders else "Receiver"),
            element("Code", query_code(fault)),
            element("Message", fault.message),
        ]
        if fault.shape is not None:
            error.append(self._values.structure_writer(fault.shape)(fault.members))
        root = open_element("ErrorResponse", self._namespace)
        content = f"<Error>{''.join(error)}</Error>{element('RequestId', request_id)}"
        return _answer(fault.status, f"{root}{content}</ErrorResponse>")

    def _reader(self, shape: Shape) -> _Reader:
        match shape:
            case StructureShape():
                return self._structure_reader(shape)
            case ListShape():
                return _list_reader(shape, self._reader(shape.member))
            case MapShape():
                return _map_reader(shape, self._reader(shape.key), self._reader(shape.value))
        return _leaf(text_reader(shape, ISO8601))

    def _structure_reader(self, shape: StructureShape) -> _Reader:
        if shape.name not in self._readers:
            members: dict[str, tuple[str, _Reader]] = {}
            # Known before its members are: a structure may contain itself.
            self._readers[shape.name] = lambda node: _read_structure(node, members)
            for name, member in shape.members.items():
                members[_field_name(name, member)] = (name, self._reader(member))
        return self._readers[shape.name]


def _answer(status: int, content: str) -> Response:
    return Response(status, {"content-type": CONTENT_TYPE}, content.encode("utf-8", "replace"))


def _tree(form: Mapping[str, list[str]]) -> Tree:
    tree: Tree = {}
    for name, values in form.items():
        *parents, leaf = name.split(".", _DEEPEST)
        if "." in leaf:
            raise serialization_error("The name of a parameter has too many parts.")
        node = tree
        for part in parents:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise serialization_error(f"The parameter {name} contradicts another one.")
            node = child
        if isinstance(node.setdefault(leaf, values[0]), dict):
            raise serialization_error(f"The parameter {name} contradicts another one.")
    return tree


def _field_name(name: str, shape: Shape) -> str:
    """A flattened list stands under the name of its members."""
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name") or shape.serialization.get("name", name))
    return str(shape.serialization.get("name", name))


def _leaf(read: Callable[[str], Any]) -> _Reader:
    def read_leaf(node: Any) -> Any:
        if not isinstance(node, str):
            raise serialization_error("A parameter has parts where a single value is expected.")
        return read(node)

    return read_leaf


def _read_structure(node: Any, members: Mapping[str, tuple[str, _Reader]]) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise serialization_error("A parameter is a single value where a structure is expected.")
    return {
        name: read(node[key]) for key, (name, read) in members.items() if node.get(key) is not None
    }


def _list_reader(shape: ListShape, read: _Reader) -> _Reader:
    member = shape.member.serialization.get("name", "member")
    parent = None if shape.serialization.get("flattened") else member
    return lambda node: [read(item) for item in _numbered(node, parent)]


def _map_reader(shape: MapShape, read_key: _Reader, read_value: _Reader) -> _Reader:
    parent = None if shape.serialization.get("flattened") else "entry"
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")

    def read_map(node: Any) -> dict[str, Any]:
        result = {}
        for entry in _numbered(node, parent):
            if not isinstance(entry, dict) or key_name not in entry or value_name not in entry:
                raise serialization_error("A map's entry needs a key and a value.")
            result[read_key(entry[key_name])] = read_value(entry[value_name])
        return result

    return read_map


def _numbered(node: Any, parent: str | None) -> list[Any]:
    """The children 1, 2, 3, … of a list or map, in their order; `A=` is an empty one."""
    if isinstance(node, dict) and parent is not None:
        node = node.get(parent, "")
    if node == "":
        return []
    if not isinstance(node, dict) or not all(
        key.isascii() and key.isdigit() and len(key) < 10 for key in node
    ):
        raise serialization_error("The members of a list must be numbered: Name.member.1, …")
    return [node[key] for key in sorted(node, key=int)]
