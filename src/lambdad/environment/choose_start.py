"""POLICY: how the first process of an environment comes to be.

A process that runs already cannot honour what is read only when a program starts. Where a function
sets such a variable, its runtime is started as a program that has it; everywhere else one that is
warm serves. A function that brings its own runtime is a program anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.model.runtime import family_of, is_os_only

# Read by the dynamic loader, the C library, its allocator, and OpenSSL.
_PREFIXES = ("LD_", "LC_", "MALLOC_", "OPENSSL_")
_NAMES = ("LANG", "LANGUAGE", "GLIBC_TUNABLES", "AWS_LAMBDA_EXEC_WRAPPER")
# Read by the interpreters. What our runtimes apply themselves (NODE_PATH) is not among them.
_OF_INTERPRETERS = {
    "python3": ("PYTHON",),
    "nodejs": (
        *("NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_DEBUG", "NODE_ICU_DATA", "UV_"),
        *("NODE_NO_WARNINGS", "NODE_COMPILE_CACHE", "NODE_PENDING_DEPRECATION", "NODE_V8_COVERAGE"),
        *("NODE_USE_ENV_PROXY", "NODE_USE_SYSTEM_CA", "NODE_REDIRECT_WARNINGS"),
        "NODE_PRESERVE_SYMLINKS",
    ),
    "ruby": ("RUBYOPT", "RUBY_"),
    "java": ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "TZ"),
    "dotnet": ("DOTNET_", "COMPlus_", "CORECLR_", "TZ"),
}


def choose_start(runtime: str, variables: Mapping[str, str]) -> str:
    """`pool`, `spawn` or `bootstrap` (see the launcher's contract), for a function of this runtime
    with these variables of its own. A pool that is dry forks."""
    if is_os_only(runtime):
        return "bootstrap"
    prefixes = (*_PREFIXES, *_OF_INTERPRETERS.get(family_of(runtime), ()))
    needs_program = any(name in _NAMES or name.startswith(prefixes) for name in variables)
    return "spawn" if needs_program else "pool"
