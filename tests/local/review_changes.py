"""Changes that a pull request could make to this project, each as replacements of text in its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.copies import copy_checkout
from tools.throwaway import Checkout

DEV, PROD = "stacks/Pulumi.dev.yaml", "stacks/Pulumi.prod.yaml"
STORAGE, PERMISSIONS, OPERATIONS = "infra/storage.py", "infra/permissions.py", "infra/operations.py"
SYSTEM, DATA = "ml/systems/bike_buyer/system.py", "ml/systems/bike_buyer/data.lock"
READS = '"pipelines read sources as they arrived"),\n'
EXEMPTIONS = "    exemptions:\n"
EXEMPT = """    exemptions:
      - {{rule: storage-no-shared-key, resource: lake, expires: '{day}', reason: an old tool signs in with the key}}
"""
Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """`edits`: file, what stands there, what stands there then."""

    edits: tuple[Edit, ...]
    stack: str = "dev"


def grant(role: str, where: str) -> Edit:
    """One more line in the table of permissions, for the data factory's identity."""
    line = f'    Permission("data-factory", Role.{role}, "{where}", "a test"),\n'
    return PERMISSIONS, READS, READS + line


RENAME = (OPERATIONS, 'Workbook("workbook"', 'Workbook("page"')
SIZE = (DEV, "vmSize: Standard_DS3_v2", "vmSize: Standard_DS2_v2")
GPU = (DEV, "vmSize: Standard_DS3_v2", "vmSize: Standard_NC6s_v3")
REGION = (DEV, "location: westeurope", "location: northeurope")
TAG = ("infra/naming.py", '"cost-center": ', '"costcentre": ')
PUBLIC = (STORAGE, "allow_blob_public_access=False", "allow_blob_public_access=True")
KEYS = (STORAGE, "allow_shared_key_access=False", "allow_shared_key_access=True")
ROUNDS = (SYSTEM, "rounds=200", "rounds=250")
FLOOR = (SYSTEM, '"auc": 0.80', '"auc": 0.50')
COMMENT = (SYSTEM, "SYSTEM = ", "# Nothing but a comment.\nSYSTEM = ")
ROWS = (DATA, "sha256: 957efb95", "sha256: 00000000")
PACKAGE = ("ml/environments/tabular.lock.txt", "annotated-doc==0.0.7", "annotated-doc==0.0.8")
ANOTHER = (DEV, "    - bike_buyer\n", "    - bike_buyer\n    - attrition\n")
REMOVED = (OPERATIONS, '        Budget("budget", budget, platform.child)\n', "        _ = budget\n")
FAILS = (
    "infra/platform.py",
    "\nclass Platform(",
    '\nraise RuntimeError("the program is broken")\n\n\nclass Platform(',
)
SECRET_TEXT = ("infra/workbook.py", "kind=", 'description=pulumi.Config("page").require_secret("text"), kind=')
"""One that the project's own stacks have no use for: they keep no secret."""
OPENED = (STORAGE, "public_network_access=network.public_access", 'public_network_access="Enabled"')
REFUSED = (PROD, "mlops:networkProfile: private", "mlops:networkProfile: hybrid")

SINGLE = {
    "rename": Change((RENAME,)),
    "size": Change((SIZE,)),
    "gpu that Azure has ended": Change((GPU,)),
    "region": Change((REGION,)),
    "tag removed": Change((TAG,)),
    "role added": Change((grant("STORAGE_BLOB_DATA_CONTRIBUTOR", "ml"),)),
    "containers may be public": Change((PUBLIC,)),
    "network opened": Change((OPENED,), "prod"),
    "profile that Azure does not take back": Change((REFUSED,), "prod"),
    "hyperparameter": Change((ROUNDS,)),
    "floor lowered": Change((FLOOR,)),
    "comment only": Change((COMMENT,)),
    "data": Change((ROWS,)),
    "package": Change((PACKAGE,)),
    "new system": Change((ANOTHER,)),
    "resource removed": Change((REMOVED,)),
    "account key": Change((KEYS,)),
    "exemption added": Change((KEYS, (DEV, EXEMPTIONS, EXEMPT.format(day="2027-05-01")))),
    "exemption expired": Change((KEYS, (DEV, EXEMPTIONS, EXEMPT.format(day="2026-01-01")))),
}


def secret(text: str) -> Edit:
    """A secret of the stack file, by what it is encrypted to."""
    return DEV, "config:\n", f"config:\n  page:text: {{secure: {text}}}\n"


TOGETHER = Change(
    (
        *(RENAME, SIZE, PUBLIC, KEYS, ROUNDS, FLOOR, COMMENT, ROWS, PACKAGE, ANOTHER, REMOVED),
        *(grant("STORAGE_BLOB_DATA_CONTRIBUTOR", "ml"), grant("CONTRIBUTOR", "registry")),
        (DEV, EXEMPTIONS, EXEMPT.format(day="2027-05-01")),
    )
)
"""Changes that leave each other alone, for one preview."""


def changed(folder: Path, edits: Iterable[Edit]) -> Checkout:
    """A copy of this checkout with changes made to it."""
    root = copy_checkout(folder)
    for name, before, after in edits:
        text = root.joinpath(name).read_text()
        assert before in text, f"{name} has no {before!r} any more: say another change"
        root.joinpath(name).write_text(text.replace(before, after, 1))
    return Checkout(root)
