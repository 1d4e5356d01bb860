"""CloudWatch's errors by the names of its model."""

from __future__ import annotations

from lambdad.errors import ClientError


def invalid_value(message: str) -> ClientError:
    return ClientError("InvalidParameterValueException", message)


def invalid_combination(message: str) -> ClientError:
    return ClientError("InvalidParameterCombinationException", message)


def missing(message: str) -> ClientError:
    return ClientError("MissingRequiredParameterException", message)


def validation_error(message: str) -> ClientError:
    return ClientError("ValidationException", message)


def not_found(message: str) -> ClientError:
    return ClientError("ResourceNotFound", message)


def invalid_next_token() -> ClientError:
    return ClientError("InvalidNextToken", "The next token is not one that was given out.")


def unsupported(what: str) -> ClientError:
    return invalid_value(f"lambdad does not support {what}.")
