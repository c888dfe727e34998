"""Comments that are kept beside the tests, so that a change of how they read is seen: what stands before the folds, and
the folds' titles. Amounts, numbers of resources and what rules advise are left out: they change with others' work.

GOLDEN_REVIEWS=write pytest tests/local/test_review.py writes them anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

FOLDER = Path(__file__).with_name("review_golden")
VARIABLE = "GOLDEN_REVIEWS"
FIGURES = (
    (r"\$[\d,.]*\d", "$…"),
    (r"\b\d+ (unchanged|resources stay|policy findings)", r"… \1"),
    (r"\*\*Fix:\*\* .*", "**Fix:** …"),
    (r" Most: .*", " Most: …"),
    (r"<sub>.*? held against .*?, on ", "<sub>HEAD held against BASE, on "),
    (r"\b\d+ % of the properties", "… % of the properties"),
)


def kept(comment: str) -> str:
    """What of a comment is compared."""
    before, _, after = comment.partition("<details>")
    titles = re.findall(r"<summary>(.*?)</summary>", after)
    text = "\n".join(line for line in before.splitlines() if not line.startswith("<!-- mlops-review-data"))
    for shape, instead in FIGURES:
        text = re.sub(shape, instead, text)
    return "\n".join([text.rstrip(), "", *(f"(fold) {title.partition(':')[0]}" for title in titles)]).rstrip() + "\n"


def golden(name: str, comment: str) -> str:
    """The comment that is kept under a name; written first where the variable says so."""
    file = FOLDER / f"{name}.md"
    if os.environ.get(VARIABLE) == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(kept(comment))
    return file.read_text()
