"""What happens when a function invokes itself over and over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from support.control_plane import Plane, refused


async def test_loops_are_terminated_until_they_are_allowed(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    # Given
    plane = await open_plane()
    await plane.create()
    found = await plane("GetFunctionRecursionConfig", FunctionName="echo")
    assert found == {"RecursiveLoop": "Terminate"}
    # When
    put = await plane("PutFunctionRecursionConfig", FunctionName="echo", RecursiveLoop="Allow")
    assert put == {"RecursiveLoop": "Allow"}
    # Then it holds after a change of the function and after a restart
    await plane.update(Timeout=5)
    plane = await open_plane()
    assert await plane("GetFunctionRecursionConfig", FunctionName="echo") == put


async def test_only_a_function_as_a_whole_has_it(plane: Plane) -> None:
    await plane.create(Publish=True)
    for operation, more in (
        ("GetFunctionRecursionConfig", {}),
        ("PutFunctionRecursionConfig", {"RecursiveLoop": "Allow"}),
    ):
        call = plane(operation, FunctionName="echo:1", **more)
        await refused(call, "InvalidParameterValueException")
        call = plane(operation, FunctionName="other", **more)
        await refused(call, "ResourceNotFoundException")
