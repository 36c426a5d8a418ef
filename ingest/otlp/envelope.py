"""The outer parts of a request of OTLP in protobuf, with all inner ones left as bytes.

Protobuf parses a message or refuses it, so that one broken record would cost a whole request. Requests of logs and of
traces have the same numbers for the same parts: groups of one resource, in these scopes, in these records.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "seenbefore.otlp"
Field = FieldDescriptorProto
#: Of a request, of a group, of a scope: names and numbers of what is looked at.
PARTS = {
    "Request": (("groups", 1, "Group"),),
    "Group": (("resource", 1, None), ("scopes", 2, "Scope")),
    "Scope": (("records", 2, None),),
}


def _described() -> DescriptorPool:
    file = FileDescriptorProto(name="seenbefore/otlp.proto", package=PACKAGE, syntax="proto3")
    for name, fields in PARTS.items():
        file.message_type.append(DescriptorProto(name=name, field=[_field(*each) for each in fields]))
    pool = DescriptorPool()
    pool.Add(file)
    return pool


def _field(name: str, number: int, kind: str | None) -> FieldDescriptorProto:
    label = Field.LABEL_OPTIONAL if name == "resource" else Field.LABEL_REPEATED
    if kind is None:
        return Field(name=name, number=number, label=label, type=Field.TYPE_BYTES)
    return Field(name=name, number=number, label=label, type=Field.TYPE_MESSAGE, type_name=f".{PACKAGE}.{kind}")


def envelope_of(body: bytes) -> Any:
    """A request with `groups` of a `resource` and `scopes` of `records`, these two as bytes; raises `DecodeError`."""
    message = GetMessageClass(_described().FindMessageTypeByName(f"{PACKAGE}.Request"))
    return message.FromString(body)
