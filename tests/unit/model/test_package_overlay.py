"""Packages over each other come to what unpacking one after the other would."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model import package_overlay
from lambdad.model.deployment_package import Kind, open_zip, read_package
from lambdad.model.package_overlay import lay_over

LINK = 0o120777
FILE = 0o100644
Content = dict[str, str]  # links begin with ->, directories end with a slash


def make_zip(content: Content) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in content.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (LINK if text.startswith("->") else FILE) << 16
            archive.writestr(entry, text.removeprefix("->"))
    return buffer.getvalue()


def overlay(*packages: Content) -> Content:
    """What the packages come to."""
    with ExitStack() as opened:
        archives = [opened.enter_context(open_zip(io.BytesIO(make_zip(p)))) for p in packages]
        tree = lay_over(archives)
        found = {f"{path}/": "" for path in tree.directories}
        for member in tree.members:
            text = member.archive.read(member.entry.source).decode()
            found[member.entry.path] = f"->{text}" if member.entry.kind is Kind.LINK else text
    seen: set[str] = {""}
    for path in tree.directories:
        assert path.rpartition("/")[0] in seen, "each comes after its parent"
        seen.add(path)
    return found


def refusal(*packages: Content) -> str:
    with pytest.raises(ClientError) as caught:
        overlay(*packages)
    assert caught.value.code == "InvalidParameterValueException"
    return caught.value.message


def test_directories_join_and_later_files_win() -> None:
    assert overlay({"lib/a": "1", "lib/b": "1"}, {"lib/b": "2", "c": "2"}) == {
        "lib/": "",
        "lib/a": "1",
        "lib/b": "2",
        "c": "2",
    }


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ({"x": "file"}, {"x": "file"}),
        ({"x": "->y"}, {"x": "->y"}),
        ({"x/": ""}, {"x/": "", "x/deep/": "", "x/deep/a": "1"}),
        ({"x/deep": "file"}, {"x/": "", "x/deep": "file"}),
        ({"x/deep/a/b": "2"}, {"x/": "", "x/deep/": "", "x/deep/a/": "", "x/deep/a/b": "2"}),
    ],
)
def test_what_is_of_another_kind_is_replaced(upper: Content, expected: Content) -> None:
    assert overlay({"x/deep/a": "1"}, upper) == expected


def test_a_link_is_replaced_by_a_directory_and_never_followed() -> None:
    assert overlay({"a/kept": "1", "x": "->a"}, {"x/new": "2"}) == {
        "a/": "",
        "a/kept": "1",
        "x/": "",
        "x/new": "2",
    }


def test_what_was_hidden_does_not_come_back() -> None:
    assert overlay({"x/a": "1"}, {"x": "2"}, {"x/b": "3"}) == {"x/": "", "x/b": "3"}


def test_links_that_lead_out_only_together_are_refused() -> None:
    assert "A link leaves the package" in refusal({"way": "->d/e/../.."}, {"d/e": "->.."})


def test_a_package_that_alone_leads_out_is_refused() -> None:
    assert "A link leaves the package" in refusal({"a": "1"}, {"x": "->/etc"})


def test_packages_with_too_many_entries_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(package_overlay, "MAX_ENTRIES", 3)
    assert overlay({"a": "", "b": ""}, {"c": ""})
    assert "Together the packages have more than 3" in refusal(
        {"a": "", "b": ""}, {"a": "", "c": ""}
    )


NAMES = st.sampled_from("ab")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TEXTS = st.sampled_from(["1", "2", "->a", "->b/a"])
PACKAGES = st.dictionaries(PATHS, TEXTS, min_size=1, max_size=4) | st.dictionaries(
    PATHS.map(lambda path: f"{path}/"), st.just(""), min_size=1, max_size=2
)


def is_fine(package: Content) -> bool:
    try:
        with open_zip(io.BytesIO(make_zip(package))) as archive:
            read_package(archive)
    except ClientError:
        return False
    return True


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(PACKAGES.filter(is_fine), min_size=1, max_size=3))
def test_the_tree_is_what_unpacking_one_after_the_other_leaves(packages: list[Content]) -> None:
    try:
        found = overlay(*packages)
    except ClientError:
        return  # links that lead out together
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for package in packages:
            for path, text in package.items():
                _put(root, path, text)
        assert found == _content(root)


def _put(root: Path, name: str, text: str) -> None:
    """Put it there, whatever is in the way."""
    path = root / name
    for parent in [root / each for each in reversed(Path(name).parents)]:
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
        parent.mkdir(exist_ok=True)
    is_directory = path.is_dir() and not path.is_symlink()
    if name.endswith("/") and is_directory:
        return
    if is_directory:
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if name.endswith("/"):
        path.mkdir()
    elif text.startswith("->"):
        path.symlink_to(text[2:])
    else:
        path.write_text(text)


def _content(root: Path) -> Content:
    found: Content = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"->{path.readlink()}"
        elif path.is_dir():
            found[f"{name}/"] = ""
        else:
            found[name] = path.read_text()
    return found
