"""`lambdad deploy --url`: a URL of the function's own that anybody may use who can reach it."""

from __future__ import annotations

from typing import Any

from lambdad.cli.endpoint import error_code

# Who may use a URL is said twice: by its AuthType, and by the function's policy, which must allow
# both actions. The ids are those that AWS's console gives these statements.
_PERMISSIONS: tuple[dict[str, Any], ...] = (
    {
        "StatementId": "FunctionURLAllowPublicAccess",
        "Action": "lambda:InvokeFunctionUrl",
        "FunctionUrlAuthType": "NONE",
    },
    {
        "StatementId": "FunctionURLAllowInvokeAction",
        "Action": "lambda:InvokeFunction",
        "InvokedViaFunctionUrl": True,
    },
)
_INVOKE_MODES = {False: "BUFFERED", True: "RESPONSE_STREAM"}


def give_url(client: Any, name: str, *, stream: bool | None) -> dict[str, Any]:
    """The URL of `$LATEST`: the one there is, else a new one that is open to everybody.

    `stream` chooses its InvokeMode; None leaves it as it is. Nothing else of a URL that is there
    is changed: whoever has closed it to the public finds it closed.
    """
    url = _find(client, name)
    if url is None:
        return _create(client, name, _INVOKE_MODES[bool(stream)])
    if stream is None or url["InvokeMode"] == _INVOKE_MODES[stream]:
        return url
    changed: dict[str, Any] = client.update_function_url_config(
        FunctionName=name, InvokeMode=_INVOKE_MODES[stream]
    )
    return changed


def _find(client: Any, name: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = client.get_function_url_config(FunctionName=name)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return found


def _create(client: Any, name: str, invoke_mode: str) -> dict[str, Any]:
    """Permissions first: they allow nothing without a URL, and a URL is nothing without them."""
    for permission in _PERMISSIONS:
        _permit(client, name, permission)
    created: dict[str, Any] = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode=invoke_mode
    )
    return created


def _permit(client: Any, name: str, permission: dict[str, Any]) -> None:
    from botocore.exceptions import ClientError

    try:
        client.add_permission(FunctionName=name, Principal="*", **permission)
    except ClientError as error:
        if error_code(error) != "ResourceConflictException":  # it has this statement already
            raise
