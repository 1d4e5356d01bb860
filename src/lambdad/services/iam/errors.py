"""IAM's errors by the names of its model."""

from __future__ import annotations

from lambdad.errors import ClientError


def no_such_entity(message: str) -> ClientError:
    return ClientError("NoSuchEntityException", message)


def already_exists(message: str) -> ClientError:
    return ClientError("EntityAlreadyExistsException", message)


def delete_conflict(message: str) -> ClientError:
    return ClientError("DeleteConflictException", message)


def limit_exceeded(quota: str, limit: int) -> ClientError:
    return ClientError("LimitExceededException", f"Cannot exceed quota for {quota}: {limit}")


def malformed_policy(message: str) -> ClientError:
    return ClientError("MalformedPolicyDocumentException", message)


def invalid_input(message: str) -> ClientError:
    return ClientError("InvalidInputException", message)


def validation_error(message: str) -> ClientError:
    return ClientError("ValidationException", message)
