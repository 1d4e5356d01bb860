"""What errors are called in the protocol query, and by services that once spoke nothing else."""

from __future__ import annotations

from botocore.model import ServiceModel

from lambdad.gateway.protocols.protocol import Fault

# What query services call the errors that other protocols end in "Exception".
_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "SerializationException": "MalformedInput",
    "UnknownOperationException": "InvalidAction",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ValidationException": "ValidationError",
}


def query_code(fault: Fault) -> str:
    """The code of `fault`."""
    if fault.shape is not None:
        return str(fault.shape.error_code)
    return _CODES.get(fault.code, fault.code)


def query_error_header(model: ServiceModel, fault: Fault) -> dict[str, str]:
    """The header that keeps the old codes for who compares them, where the model wants it kept."""
    if not model.is_query_compatible:
        return {}
    sender = "Sender" if fault.is_senders else "Receiver"
    return {"x-amzn-query-error": f"{query_code(fault)};{sender}"}
