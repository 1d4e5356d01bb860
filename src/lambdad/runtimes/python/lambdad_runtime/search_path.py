"""Where the function's imports come from, and that what it brings wins over what is preloaded."""

from __future__ import annotations

import os
import site
import sys
from importlib.machinery import PathFinder
from typing import Iterable, List, Mapping, Set

# A module of the SDK must never meet modules of another version of the SDK.
_SDK = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"})

# What AWS's runtime has loaded before it looks at the function: no function can replace these.
_SETTLED = """
    __future__ __main__ _collections_abc _sitebuiltins _weakrefset abc codecs collections
    concurrent contextlib copyreg decimal encodings enum functools genericpath heapq importlib io
    json keyword lambdad_runtime linecache logging numbers operator os posixpath queue re reprlib
    site sre_compile sre_constants sre_parse stat string textwrap threading token tokenize
    traceback types warnings weakref zipimport
"""


def set_up(variables: Mapping[str, str], runtime_directory: str) -> None:
    """Order the search path as AWS does, and forget preloaded modules that the function brings."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    brought = [
        variables["LAMBDA_TASK_ROOT"],
        f"/opt/python/lib/{version}/site-packages",
        "/opt/python",
    ]
    brought += [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry]
    brought = [entry for entry in dict.fromkeys(brought) if entry != runtime_directory]
    _leave_machines_packages(brought)
    order = [*brought, runtime_directory, *sys.path]
    sys.path[:] = [entry for entry in dict.fromkeys(order) if entry]
    for entry in brought:  # a warm interpreter may remember that there was nothing
        sys.path_importer_cache.pop(entry, None)
    _forget(_replaced(brought))


def _leave_machines_packages(brought: List[str]) -> None:
    """Leave behind what is installed on this machine for the interpreter.

    One that is started as a program finds it by itself, and imports what *.pth files there name. A
    directory that the function brings, or names, is its own.
    """
    if sys.flags.no_site:
        return  # none of it was looked for
    own = tuple(entry + os.sep for entry in brought)
    found = [entry for entry in (*site.getsitepackages(), site.USER_SITE) if entry]
    machines = tuple(entry + os.sep for entry in found if not (entry + os.sep).startswith(own))
    sys.path[:] = [entry for entry in sys.path if not (entry + os.sep).startswith(machines)]
    modules = list(sys.modules.items())
    gone = {name for name, module in modules if _file_of(module).startswith(machines)}
    sys.meta_path[:] = [finder for finder in sys.meta_path if _home_of(finder) not in gone]
    for name in gone:
        del sys.modules[name]


def _file_of(module: object) -> str:
    return str(getattr(module, "__file__", None) or "")


def _home_of(finder: object) -> str:
    """The module that a finder comes from, which may itself be a class."""
    return (finder if isinstance(finder, type) else type(finder)).__module__


def _replaced(directories: List[str]) -> Set[str]:
    """Preloaded top-level modules of which these directories have their own."""
    settled = {*_SETTLED.split(), *sys.builtin_module_names}
    names = {
        name
        for name in _names_in(directories)
        if name in sys.modules
        and name not in settled
        and _is_elsewhere(name, PathFinder.find_spec(name, directories))
    }
    return names | _SDK if names & _SDK else names


def _names_in(directories: List[str]) -> Set[str]:
    names: Set[str] = set()
    for directory in directories:
        try:
            entries = os.listdir(directory)
        except OSError:
            continue
        names.update(entry.partition(".")[0] for entry in entries)
    return names


def _is_elsewhere(name: str, spec: object) -> bool:
    """Whether `spec` is another file than the loaded module; a bare directory is no module."""
    origin = getattr(spec, "origin", None)
    return bool(origin) and origin != getattr(sys.modules.get(name), "__file__", None)


def _forget(names: Iterable[str]) -> None:
    gone = frozenset(names)
    if not gone:
        return
    for name in list(sys.modules):
        if name.partition(".")[0] in gone:
            del sys.modules[name]
