"""The Python runtime: asks the Runtime API for events and gives them to the function's handler.

It runs inside the sandbox, on the standard library alone, either forked from a warm interpreter
(`preload` there, `run` in the child) or as a script of its own.

    next ──▶ handle_event_request ──▶ the handler ──▶ response | error ──▶ next …

The names that SDKs of monitoring vendors look for in AWS's runtime (`handle_event_request`,
`LambdaRuntimeClient`) are the same here.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Dict, NamedTuple, NoReturn, Optional

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lambdad_runtime import (
    errors,
    fresh_state,
    handler,
    logs,
    preloading,
    rehearsal,
    search_path,
    streaming,
    termination,
)
from lambdad_runtime.context import ContextBuilder
from lambdad_runtime.errors import Fault
from lambdad_runtime.marshalling import Marshaller
from lambdad_runtime.orphans import Orphans
from lambdad_runtime.runtime_api import InvocationRequest, LambdaRuntimeClient

_TRACE_VARIABLE = "_X_AMZN_TRACE_ID"

preload = preloading.preload


class Ready(NamedTuple):
    """What a process needs whatever its function is."""

    client: LambdaRuntimeClient
    orphans: Orphans


def get_ready(address: str) -> Ready:
    """Do all that needs no function: the Runtime API is at `address`."""
    fresh_state.renew(sys.modules[__name__])
    ready = Ready(LambdaRuntimeClient(address), Orphans())
    if os.getpid() == 1:
        termination.end_on_sigterm()
    return ready


def rehearse(address: str) -> Ready:
    """Get ready ahead, in a fork that has no function yet, and play an invocation."""
    ready = get_ready(address)
    rehearsal.rehearse(
        lambda client, echo, request, log: handle_event_request(
            client, echo, request, _Environment(log)
        )
    )
    return ready


def run(ready: Optional[Ready] = None) -> NoReturn:
    """Load the function and serve its invocations; the process ends when this is left."""
    client, orphans = ready or get_ready(os.environ["AWS_LAMBDA_RUNTIME_API"])
    search_path.set_up(os.environ, os.path.dirname(os.path.abspath(__file__)))
    log = logs.set_up(os.environ)
    request_handler = _load(os.environ.get("_HANDLER", ""), client, log)
    environment = _Environment(log)
    while True:
        request = client.wait_next_invocation()
        _set_trace_id(request.trace_id)
        log.filter.aws_request_id = request.invoke_id
        log.filter.tenant_id = request.tenant_id
        handle_event_request(client, request_handler, request, environment)
        orphans.reap()


def handle_event_request(
    lambda_runtime_client: LambdaRuntimeClient,
    request_handler: Callable[[Any, Any], Any],
    request: InvocationRequest,
    environment: _Environment,
) -> None:
    """Run one invocation and post what became of it."""
    try:
        context = environment.contexts.build(request)
        event = environment.marshaller.unmarshal(request.event_body, request.content_type)
        response = request_handler(event, context)
        if streaming.is_stream(response):
            stream = streaming.begin(response, environment.marshaller.to_json)
        else:
            stream = None
            result, content_type = environment.marshaller.marshal(response)
    except Exception as exception:
        error, cause = errors.describe(exception, request.invoke_id)
        _post_error(lambda_runtime_client, request.invoke_id, error, cause, environment)
        return
    if stream is not None:
        _send_stream(lambda_runtime_client, request.invoke_id, stream, environment)
        return
    _flush_output()
    lambda_runtime_client.post_invocation_result(request.invoke_id, result, content_type)


def _send_stream(
    client: LambdaRuntimeClient,
    invoke_id: str,
    stream: streaming.Stream,
    environment: _Environment,
) -> None:
    try:
        streaming.send(client, invoke_id, stream)
    except Exception as exception:
        error, _ = errors.describe(exception, invoke_id)
        environment.log.error(error)
        _flush_output()
        body = environment.marshaller.to_json(errors.shortened(error))
        client.end_stream(error["errorType"], body)
    else:
        _flush_output()
        client.end_stream()


class _Environment:
    """What every invocation of this environment needs and no invocation changes."""

    def __init__(self, log: logs.Log) -> None:
        self.log = log
        self.contexts = ContextBuilder(os.environ, log.sink)
        self.marshaller = Marshaller(os.environ.get("AWS_EXECUTION_ENV", ""))


def _post_error(
    client: LambdaRuntimeClient,
    invoke_id: str,
    error: Dict[str, Any],
    cause: Dict[str, Any],
    environment: _Environment,
) -> None:
    environment.log.error(error)
    _flush_output()
    body = environment.marshaller.to_json(error)
    client.post_invocation_error(invoke_id, body, errors.to_header(cause), error["errorType"])


def _load(name: str, client: LambdaRuntimeClient, log: logs.Log) -> Callable[[Any, Any], Any]:
    """The function's handler; a failure goes to the Runtime API and ends the process."""
    try:
        return handler.load(name)
    except Fault as fault:
        error = errors.make_error(fault.message, fault.error_type, fault.trace)
    except Exception as exception:
        error = errors.from_exception(exception, errors.function_frames(exception))
    log.warn_of_unhandled_exception()
    log.error(error)
    _flush_output()
    client.post_init_error(error)
    sys.exit(1)


def _set_trace_id(trace_id: str) -> None:
    if trace_id:
        os.environ[_TRACE_VARIABLE] = trace_id
    else:
        os.environ.pop(_TRACE_VARIABLE, None)


def _flush_output() -> None:
    """Whole lines are out already; the rest must be before the platform ends the invocation."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # the function closed it, or put something else in its place


if __name__ == "__main__":
    run()
