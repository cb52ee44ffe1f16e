"""Small ONNX files written by hand, so that tests need no package for it.

Protocol buffers: a field is its number and kind as a varint, then a varint or a length and bytes. Field numbers are
those of onnx.proto3 (ONNX 1.16), operators those of opset 13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FLOAT, INT32, INT64, FLOAT16 = 1, 6, 7, 10
"""Element types of TensorProto."""


@dataclass(frozen=True, slots=True)
class Value:
    """An input: a size that is a name is left open."""

    name: str
    kind: int
    shape: Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator with its whole-number attributes, single or lists."""

    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, int | Sequence[int]] = field(default_factory=dict)


def model(
    nodes: Sequence[Node],
    inputs: Sequence[Value],
    output: str | Sequence[Value],
    constants: Sequence[bytes],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A whole file; an ``output`` that is only named is a float tensor of any shape."""
    graph = b"".join(_bytes(1, _node(node)) for node in nodes) + _bytes(2, b"turn")
    graph += b"".join(_bytes(5, one) for one in constants)
    graph += b"".join(_bytes(11, _value(one)) for one in inputs)
    if isinstance(output, str):
        graph += _bytes(12, _bytes(1, output.encode()) + _bytes(2, _bytes(1, _number(1, FLOAT))))
    else:
        graph += b"".join(_bytes(12, _value(one)) for one in output)
    notes = b"".join(
        _bytes(14, _bytes(1, key.encode()) + _bytes(2, text.encode())) for key, text in (metadata or {}).items()
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13)) + notes


def constant(name: str, values: Sequence[int]) -> bytes:
    """A list of whole numbers under ``name``."""
    raw = b"".join(value.to_bytes(8, "little", signed=True) for value in values)
    return _number(1, len(values)) + _number(2, INT64) + _bytes(8, name.encode()) + _bytes(9, raw)


def floats(name: str, shape: Sequence[int], raw: bytes) -> bytes:
    """A float32 tensor under ``name``."""
    sizes = b"".join(_number(1, size) for size in shape)
    return sizes + _number(2, FLOAT) + _bytes(8, name.encode()) + _bytes(9, raw)


def _node(node: Node) -> bytes:
    links = [(1, name) for name in node.inputs] + [(2, name) for name in node.outputs] + [(4, node.operator)]
    made = b"".join(_bytes(number, name.encode()) for number, name in links)
    for name, value in node.attributes.items():
        one = _number(3, value) + _number(20, 2) if isinstance(value, int) else b""
        several = b"" if isinstance(value, int) else b"".join(_number(8, each) for each in value) + _number(20, 7)
        made += _bytes(5, _bytes(1, name.encode()) + one + several)
    return made


def _value(value: Value) -> bytes:
    sizes = [_number(1, size) if isinstance(size, int) else _bytes(2, size.encode()) for size in value.shape]
    tensor = _number(1, value.kind) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _bytes(1, value.name.encode()) + _bytes(2, _bytes(1, tensor))


def _number(field_number: int, value: int) -> bytes:
    return _varint(field_number << 3) + _varint(value)


def _bytes(field_number: int, content: bytes) -> bytes:
    return _varint(field_number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
