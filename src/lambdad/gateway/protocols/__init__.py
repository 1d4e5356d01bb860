"""AWS's wire protocols, written against botocore's service models.

`PROTOCOLS` is the table of what is supported. A service whose model speaks none of these is
refused when the gateway is built; rest-xml joins the table with the first service that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lambdad.gateway.protocols.cbor import Cbor
from lambdad.gateway.protocols.json import Json
from lambdad.gateway.protocols.protocol import NewProtocol
from lambdad.gateway.protocols.query import Query
from lambdad.gateway.protocols.rest_json import RestJson

PROTOCOLS: Mapping[str, NewProtocol] = MappingProxyType(
    {"rest-json": RestJson, "json": Json, "query": Query, "smithy-rpc-v2-cbor": Cbor}
)
