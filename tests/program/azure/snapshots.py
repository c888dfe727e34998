"""What every stack declares, which API versions it uses, and pages of the docs that follow from the program, as files
that a review sees change.

    .venv/bin/python -m tests.program.azure.snapshots

writes all of them anew; with names after it, such as `roles.md`, those.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from policies import initiative
from policies.page import page as policy_page
from tests.program.azure.cost_page import cost_page
from tests.program.azure.declared import Declared
from tests.program.azure.exports import plan_of
from tests.program.azure.proof_page import proof_page
from tests.program.azure.role_page import role_page
from tests.program.azure.stacks import CONFIGURATIONS, declared, main
from tests.program.recorder import ROOT, run, stack_config
from tests.program.test_bootstrap import stack as bootstrap
from tools.diagram.page import page

COMMAND = ".venv/bin/python -m tests.program.azure.snapshots"
PREVIEWS = ROOT / "tests" / "program" / "previews.txt"
API_VERSIONS = ROOT / "infra" / "api-versions.txt"
DOCS = ROOT / "docs"
CLIENTS = "ml/clients/*.py"
"""Where requests are made that no resource of azure-native makes."""
DATED = re.compile(r'"(?P<version>20\d\d-\d\d-\d\d(?:-preview)?)"')


def engine_count(name: str) -> int:
    """How many resources the engine shows of a stack: the program's own and the stack itself."""
    return len(declared(name).recording.resources) + 1


def previews() -> str:
    """How many resources of which type each stack and profile has: a line a type, a column a stack."""
    counts = {name: Counter(one.type for one in declared(name).recording.resources) for name in CONFIGURATIONS}
    kinds = sorted({kind for count in counts.values() for kind in count})
    width = max(len(kind) for kind in kinds)
    rows = [("", list(counts)), ("all, with the stack", [str(engine_count(name)) for name in counts])]
    rows += [(kind, [str(count[kind] or "") for count in counts.values()]) for kind in kinds]
    return "".join(f"{kind:<{width}}{''.join(f'{cell:>14}' for cell in cells)}".rstrip() + "\n" for kind, cells in rows)


def api_versions() -> str:
    """The version that each declared type is sent with, and those that our own clients send."""
    stacks = [*(declared(name) for name in CONFIGURATIONS), bootstrap("runner")]
    used = {f"{one.entry.name} {one.entry.api_version}" for found in stacks for one in found.resources}
    for file in sorted(ROOT.glob(CLIENTS)):
        used |= {f"{file.relative_to(ROOT)} {version}" for version in DATED.findall(file.read_text())}
    return "".join(f"{line}\n" for line in sorted(used))


def diagram(stack: str, found: Declared) -> str:
    """What `make diagram STACK=…` draws."""
    return page(stack, found.config, plan_of(found))


def dev_diagram() -> str:
    """Of the committed stack: that of `stacks.py` has more."""
    config = stack_config("dev")
    return diagram("dev", Declared(run(main, config, stack="dev"), config))


def prod_diagram() -> str:
    """No id is on it, so that other ids give the same."""
    return diagram("prod", declared("prod-private"))


def proof() -> str:
    """Of everything that any stack declares."""
    return proof_page(COMMAND, [*(declared(name) for name in CONFIGURATIONS), bootstrap("runner")])


FILES = {
    PREVIEWS: previews,
    API_VERSIONS: api_versions,
    DOCS / "policies.md": lambda: policy_page(COMMAND),
    ROOT / "infra" / "policy_initiative.json": initiative.as_text,
    DOCS / "roles.md": lambda: role_page(COMMAND),
    DOCS / "cost.md": lambda: cost_page(COMMAND),
    DOCS / "proof.md": proof,
    DOCS / "platform-dev.svg": dev_diagram,
    DOCS / "platform-prod.svg": prod_diagram,
}


def write(files: dict[Path, str]) -> None:
    """Keeps the texts."""
    for file, text in files.items():
        file.write_text(text)


if __name__ == "__main__":
    wanted = sys.argv[1:]
    write({file: make() for file, make in FILES.items() if not wanted or file.name in wanted})
