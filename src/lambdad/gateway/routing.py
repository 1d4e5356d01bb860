"""Which service and which operation is a request for?

A signature names the service. Without one, the request gives itself away: by its X-Amz-Target
header, by the API version of its Action, or by a path that only one service has. A service that
speaks several protocols has a plan for each; the request shows which one its client has chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lambdad.errors import ClientError
from lambdad.gateway.auth import Signature
from lambdad.gateway.http import Request
from lambdad.gateway.models import ServicePlan, nameless_service
from lambdad.gateway.protocols import PROTOCOLS
from lambdad.gateway.uri_table import UriTable

_TARGET = b"x-amz-target"
_SMITHY = b"smithy-protocol"
_RPC_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")
_JSON = "json"
_CBOR = "smithy-rpc-v2-cbor"


class Router:
    """Finds the service and the operation of a request."""

    def __init__(self, services: Iterable[ServicePlan]) -> None:
        self._by_signing_name: dict[str, list[ServicePlan]] = {}
        self._by_prefix: dict[tuple[str, str], ServicePlan] = {}
        self._by_version: dict[str, ServicePlan] = {}
        self._uris: dict[str, UriTable] = {}
        self._services = list(services)
        for service in self._services:
            self._add(service)
        self._nameless = {name: nameless_service(name) for name in PROTOCOLS}

    def _add(self, service: ServicePlan) -> None:
        metadata = service.model.metadata
        self._by_signing_name.setdefault(service.model.signing_name, []).append(service)
        match service.protocol_name:
            case "json" | "smithy-rpc-v2-cbor" as protocol:
                self._by_prefix[protocol, metadata["targetPrefix"]] = service
            case "query":
                self._by_version.setdefault(metadata["apiVersion"], service)
            case _:
                self._uris[service.name] = UriTable(service.model)

    def service(self, request: Request, signature: Signature | None) -> ServicePlan:
        """The service that `request` is for; its body must have been read if it is a form."""
        if signature is None:
            return self._unsigned(request)
        services = self._by_signing_name.get(signature.service)
        if services is None:
            names = ", ".join(sorted(self._by_signing_name))
            raise ClientError(
                "NotImplementedException",
                f"The service '{signature.service}' is not served here; these are: {names}.",
                status=501,
            )
        if len(services) == 1:
            return services[0]
        spoken = _spoken(request)
        return next(
            (one for one in services if self._knows(one, request)),
            next((one for one in services if one.protocol_name == spoken), services[0]),
        )

    def operation(self, service: ServicePlan, request: Request) -> str:
        """The operation of `service` that `request` is for; sets the request's labels."""
        match service.protocol_name:
            case "json":
                return _named_operation(service, _target(request))
            case "smithy-rpc-v2-cbor":
                return _named_operation(service, _rpc_names(request))
            case "query":
                return _query_operation(service, request)
        return self._rest_operation(service, request)

    def speaker(self, request: Request) -> ServicePlan:
        """Who should tell an error when nobody knows the service: judged by the request's form."""
        return self._nameless[_spoken(request)]

    def _unsigned(self, request: Request) -> ServicePlan:
        if _TARGET in request.headers:
            found = self._by_prefix.get((_JSON, _target(request)[0]))
        else:
            found = (
                self._by_prefix.get((_CBOR, _rpc_names(request)[0]))
                or self._by_path(request)
                or self._by_action(request)
            )
        if found is None:
            raise _unknown_operation()
        return found

    def _by_path(self, request: Request) -> ServicePlan | None:
        for service in self._services:
            if service.name in self._uris and self._knows(service, request):
                return service
        return None

    def _by_action(self, request: Request) -> ServicePlan | None:
        return self._by_version.get(request.form.get("Version", [""])[0])

    def _knows(self, service: ServicePlan, request: Request) -> bool:
        table = self._uris.get(service.name)
        if table is not None:
            return table.find(request.method, request.raw_path, request.query) is not None
        match service.protocol_name:
            case "json":
                return self._by_prefix.get((_JSON, _target(request)[0])) is service
            case "smithy-rpc-v2-cbor":
                return self._by_prefix.get((_CBOR, _rpc_names(request)[0])) is service
        return "Action" in request.form

    def _rest_operation(self, service: ServicePlan, request: Request) -> str:
        table = self._uris[service.name]
        match = table.find(request.method, request.raw_path, request.query)
        if match is None:
            raise _unknown_operation()
        if match.operation is None:
            allowed = ", ".join(match.allowed)
            raise ClientError(
                "UnknownOperationException",
                f"The method {request.method} is not allowed here; allowed: {allowed}.",
                status=405,
                headers={"allow": allowed},
            )
        request.labels = dict(match.labels)
        return match.operation


def _spoken(request: Request) -> str:
    """The protocol that the form of a request belongs to."""
    if _TARGET in request.headers:
        return _JSON
    if _SMITHY in request.headers:
        return _CBOR
    # An S3 client signs its payload in a header of its own, and reads nothing but XML.
    is_s3 = b"x-amz-content-sha256" in request.headers and not request.raw_path.startswith("/2")
    if request.is_form or b"Action=" in request.query_string or is_s3:
        return "query"
    return "rest-json"


def _target(request: Request) -> tuple[str, str]:
    """The service and the operation in the target header of json."""
    prefix, _, name = (request.header(_TARGET) or "").rpartition(".")
    return prefix, name


def _rpc_names(request: Request) -> tuple[str, str]:
    """The service and the operation in the path of rpc-v2-cbor; empty in every other request."""
    if request.headers.get(_SMITHY) == b"rpc-v2-cbor" and request.method == "POST":
        path = _RPC_PATH.fullmatch(request.raw_path)
        if path is not None:
            return path[1], path[2]
    return "", ""


def _named_operation(service: ServicePlan, names: tuple[str, str]) -> str:
    model, (prefix, name) = service.model, names
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise _unknown_operation()
    return name


def _query_operation(service: ServicePlan, request: Request) -> str:
    form = request.form
    name = form.get("Action", [""])[0]
    version = form.get("Version", [service.model.metadata["apiVersion"]])[0]
    if not name:
        raise ClientError(
            "MissingAction", "The request must contain the parameter Action.", status=400
        )
    if name not in service.model.operation_names or version != service.model.api_version:
        raise ClientError(
            "InvalidAction",
            f"Could not find operation {name} for version {version}",
            status=400,
        )
    return name


def _unknown_operation() -> ClientError:
    return ClientError("UnknownOperationException", "The operation does not exist.")
