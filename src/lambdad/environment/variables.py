"""The environment variables of an execution environment, as AWS documents them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from lambdad.model.function import FunctionVersion
from lambdad.model.iam.access_key_id import NUMBER_BITS, SESSION_PREFIX, make_access_key_id
from lambdad.model.runtime import NODEJS, is_os_only, is_python

# Initialization types: why an environment was made.
ON_DEMAND = "on-demand"
PROVISIONED_CONCURRENCY = "provisioned-concurrency"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one execution environment; good for its own listener and nothing else."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


def make_credentials(account_id: str) -> Credentials:
    """Keys that nobody else has; the id names the account, as AWS's do."""
    number = secrets.randbits(NUMBER_BITS)
    return Credentials(
        access_key_id=make_access_key_id(SESSION_PREFIX, account_id, number),
        secret_access_key=secrets.token_urlsafe(30),
        session_token=secrets.token_urlsafe(48),
    )


def environment_variables(
    version: FunctionVersion,
    credentials: Credentials,
    log_stream: str,
    initialization_type: str = ON_DEMAND,
) -> dict[str, str]:
    """Every variable of the environment, in the order in which later ones win.

    The user's own may replace what AWS lets them replace (LANG, TZ, PATH, …); names that start
    with an underscore are dropped, as AWS drops them. The addresses of the Runtime API and of the
    AWS endpoint are added inside the sandbox, which knows them.
    """
    user = {k: v for k, v in version.variables.items() if not k.startswith("_")}
    return {
        **_replaceable(version),
        **user,
        **_fixed(version, credentials, log_stream),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
    }


def _replaceable(version: FunctionVersion) -> dict[str, str]:
    logging = version.settings.get("LoggingConfig") or {}
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
        "/var/task:/var/task/lib:/opt/lib",
        **_search_path(version.runtime),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    }
    if logging.get("LogFormat") == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = str(logging.get("ApplicationLogLevel", "INFO"))
    return variables


def _search_path(runtime: str) -> dict[str, str]:
    """Where the language looks for what is not the function's own."""
    if is_python(runtime):
        return {"PYTHONPATH": "/var/runtime"}
    if runtime.startswith(NODEJS):
        major = runtime.removeprefix(NODEJS).partition(".")[0]
        return {
            "NODE_PATH": f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:"
            "/var/runtime/node_modules"
        }
    return {}


def _fixed(version: FunctionVersion, credentials: Credentials, log_stream: str) -> dict[str, str]:
    managed = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}"}
    return {
        **({} if is_os_only(version.runtime) else managed),
        "_HANDLER": version.handler,
        "AWS_REGION": version.region,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": version.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
    }
