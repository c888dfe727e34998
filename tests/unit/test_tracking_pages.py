"""MLflow's pages: the settings that are preset are ones that its own script looks for."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

from emulator.machine_learning.tracking import pages

SPECIFICATION = importlib.util.find_spec("mlflow")
assert SPECIFICATION is not None
BUILD = Path(str(SPECIFICATION.origin)).parent / "server/js/build"  # an import takes seconds


def test_settings_are_those_of_this_version_of_mlflow() -> None:
    script = next((BUILD / "static/js").glob("main.*.js")).read_text()
    known = {f"{name}_v{version}" for name, version in re.findall(r'key:"(mlflow[^"]+)",version:(\d+)', script)}
    assert pages.DEFAULTS.keys() <= known
    assert f'MACHINE_LEARNING="{pages.DEFAULTS["mlflow.workflowType_v1"]}"' in script


def test_the_page_is_mlflows_own_with_settings_before_its_script() -> None:
    page, own = pages.index(BUILD), (BUILD / "index.html").read_text()
    added = page.partition("<head>")[2].partition("</script>")[0].removeprefix("<script>")
    assert page.replace(f"<script>{added}</script>", "", 1) == own
    given = re.search(r"Object.entries\((.*)\)\)", added)
    assert given is not None
    assert {name: json.loads(value) for name, value in json.loads(given[1]).items()} == pages.DEFAULTS
