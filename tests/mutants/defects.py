"""The committed defects: one line of one file each, and the test that has to fail with it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.progress import SetupError

FILE = Path(__file__).with_name("defects.yaml")


@dataclass(frozen=True)
class Defect:
    """`old` stands once in `file`, within one line; `new` takes its place, and `test` must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def applied(self, root: Path) -> str:
        """The file's text with the defect in it.

        Raises:
            SetupError: the line is not there, or not only once.
        """
        path = root / self.file
        if not path.is_file():
            raise SetupError(f"{self.name}: there is no {self.file}; name the file the line has moved to")
        text = path.read_text()
        if "\n" in self.old + self.new:
            raise SetupError(f"{self.name}: a defect is within one line")
        if (count := text.count(self.old)) != 1:
            raise SetupError(f"{self.name}: {self.old!r} stands {count} times in {self.file}; it must stand there once")
        return text.replace(self.old, self.new)

    def check_test(self, root: Path) -> None:
        """Raises:
        SetupError: the named test is not there.
        """
        name, _, function = self.test.partition("::")
        path = root / name
        tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
        if function.partition("[")[0] not in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}:
            raise SetupError(f"{self.name}: there is no test {self.test}")


def load(file: Path = FILE) -> list[Defect]:
    """All of them; the name says what a person would have done wrong."""
    return [Defect(name=name, **given) for name, given in yaml.safe_load(file.read_text()).items()]
