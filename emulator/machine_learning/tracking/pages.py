"""MLflow's pages, opened for training: out of the box they open on chat traces, with an assistant beside them.

What a person sees first is kept in the browser, so its defaults are set there, before MLflow's own script looks. What
somebody chose stays.
"""

from __future__ import annotations

import json
from pathlib import Path

DEFAULTS = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
}
"""Name of the setting, its version behind it, and its value."""
SCRIPT = """
for (const [name, value] of Object.entries(%s)) {
  try { if (localStorage.getItem(name) === null) localStorage.setItem(name, value); } catch { }
}
"""


def index(folder: Path) -> str:
    """MLflow's only page, whose files lie in `folder`."""
    values = json.dumps({name: json.dumps(value) for name, value in DEFAULTS.items()})
    return (folder / "index.html").read_text().replace("<head>", f"<head><script>{SCRIPT % values}</script>", 1)
