"""AWS's own clients for Node.js and Java, each as the runtime that a function brings. The function
is the one that its language has in every test, and knows of no other runtime.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from language import JAVA, NODEJS, Language

import packages
from support.cache import OFFICIAL_CLIENTS
from support.packages import ZOO, directory_files, make_zip, zoo_files

_SEEN_BY_FUNCTIONS = "/usr/bin"


@dataclass(frozen=True)
class OfficialClient:
    """A client in the package of a function.

    program     of this machine, which its bootstrap starts
    build       makes the package
    absent      a handler that the function has not, and the type of the error that this is
    """

    language: Language
    program: str
    build: Callable[[], bytes]
    absent: tuple[str, str]

    def find(self) -> str:
        """Why this machine cannot run it; "" when it can."""
        if not shutil.which(self.program, path=_SEEN_BY_FUNCTIONS):
            return f"there is no {self.program} in {_SEEN_BY_FUNCTIONS}"
        if not (OFFICIAL_CLIENTS / self.language.id).is_dir():
            return f"make setup has not built AWS's client for {self.language.name}"
        return self.language.find()

    def settings(self, **more: Any) -> dict[str, Any]:
        """What `deploy` and `make_function` want to know."""
        return self.language.settings(Runtime="provided.al2023", **more) | {"package": self.build()}


@functools.cache
def _nodejs() -> bytes:
    """The client is a module, and a part that is compiled."""
    client = OFFICIAL_CLIENTS / "nodejs"
    parts = ("index.mjs", "package.json", "rapid-client.node")
    files = {f"aws-lambda-ric/{part}": (client / part).read_bytes() for part in parts}
    return make_zip({**zoo_files("nodejs"), **files, **_bootstrap("nodejs")}, [packages.BOOTSTRAP])


@functools.cache
def _java() -> bytes:
    """The client is jars, and the function compiled without them."""
    files = {**packages.java_classes(), **directory_files(OFFICIAL_CLIENTS / "java", "lib/")}
    return make_zip({**files, **_bootstrap("java")}, [packages.BOOTSTRAP])


def _bootstrap(language: str) -> dict[str, bytes]:
    program = ZOO / f"{language}_client" / packages.BOOTSTRAP
    return {packages.BOOTSTRAP: program.read_bytes()}


OFFICIAL_CLIENTS_OF_LANGUAGES = (
    OfficialClient(
        NODEJS,
        program="node",
        build=_nodejs,
        absent=("app.nothing", "Runtime.HandlerNotFound"),
    ),
    OfficialClient(
        JAVA,
        program="java",
        build=_java,
        absent=("example.Nothing::handleRequest", "java.lang.ClassNotFoundException"),
    ),
)
