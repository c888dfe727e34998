"""What the engine starts: `pulumi preview --policy-pack policies`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from policies.catalogue import rules
from policies.configuration import Configuration
from policies.pack.analyzer import serve

serve(rules(), Configuration.from_engine(os.environ.get("PULUMI_CONFIG", "")))
