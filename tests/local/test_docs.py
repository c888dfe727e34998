"""Every block of README and docs that runs on a stack that serves, typed as it stands there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs import Block, blocks
from tests.local.conftest import Deployed

BLOCKS = [block for block in blocks() if block.runs_as_it_stands]


@pytest.fixture(scope="module", autouse=True)
def data(deployed: Deployed) -> Iterator[None]:
    """`path/to/data`, as the pages write it."""
    place = deployed.checkout.folder / "path/to/data"
    place.parent.mkdir(parents=True)
    place.symlink_to(deployed.checkout.data)
    yield
    place.unlink()
    place.parent.rmdir()


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_it_works_as_it_is_written(deployed: Deployed, block: Block) -> None:
    printed = deployed.checkout.typed(block.text)
    assert "Traceback" not in printed
    assert (deployed.service.champion(), list(deployed.service.traffic().values())) == (1, [100])
