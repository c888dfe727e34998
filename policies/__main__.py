"""What the engine starts: `pulumi preview --policy-pack policies`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from policies.catalogue import rules
from policies.pack.analyzer import serve

serve(rules())
