"""The one place where exceptions become wire errors."""

from __future__ import annotations

import logging

from botocore.model import StructureShape

from lambdad.errors import ClientError
from lambdad.gateway.http import Response
from lambdad.gateway.models import ServicePlan
from lambdad.gateway.protocols.protocol import Fault

INTERNAL_MESSAGE = "An error occurred and the request cannot be processed."

# Statuses of errors that AWS answers with and no model declares; any other is a 400.
STATUSES = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 400,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "NotImplementedException": 501,
    "RequestEntityTooLargeException": 413,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "UnsupportedMediaTypeException": 415,
}

log = logging.getLogger(__name__)


def answer(error: Exception, service: ServicePlan, request_id: str) -> Response:
    """Tell the caller what went wrong, in the error form of `service`.

    The caller's own mistakes are told as they are. Everything else is logged with its traceback
    and told as the service's internal error, which says nothing about us.
    """
    if not isinstance(error, ClientError):
        log.error("Request %s to %s failed.", request_id, service.name, exc_info=error)
        error = ClientError(service.internal_error, INTERNAL_MESSAGE, status=500)
    response = service.protocol.serialize_error(_fault(error, service), request_id)
    response.headers.update(error.headers)
    return response


def _fault(error: ClientError, service: ServicePlan) -> Fault:
    shape = service.exceptions.get(error.code)
    return Fault(
        code=error.code,
        message=error.message,
        status=error.status or _status(error.code, shape),
        shape=shape,
        members=error.members,
    )


def _status(code: str, shape: StructureShape | None) -> int:
    if shape is not None:
        declared = (shape.metadata.get("error") or {}).get("httpStatusCode")
        if declared is not None:
            return int(declared)
        return 500 if shape.metadata.get("fault") else 400
    return STATUSES.get(code, 400)
