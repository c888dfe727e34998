"""Everything that is made of one model folder: decoding, the way to the model, and what is told about it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import httptools
import msgspec
import numpy as np
import onnxruntime
import uvloop
import yaml

from ml.scoring import VERSION
from ml.scoring.model import self_check
from ml.scoring.model.batching import Batching
from ml.scoring.model.decoding import Decoding
from ml.scoring.model.lane import Lane
from ml.scoring.model.loading import Model, load_model
from ml.scoring.model.openapi import document
from ml.scoring.model.results import Results
from ml.scoring.model.watchdog import Watchdog

if TYPE_CHECKING:
    from ml.scoring.settings import Settings


@dataclass(frozen=True)
class Scorer:
    """A model that has passed its self-check."""

    model: Model
    decoding: Decoding
    batching: Batching
    golden: self_check.Golden
    settings: Settings

    @cached_property
    def version(self) -> bytes:
        """Where the model comes from and what runs it, as JSON."""
        packages = {one.__name__: one.__version__ for one in (httptools, msgspec, np, onnxruntime, uvloop, yaml)}
        facts = msgspec.to_builtins(self.model.identity)
        python = sys.version.partition(" ")[0]
        return msgspec.json.encode({**facts, "server": VERSION, "python": python, "packages": packages})

    @cached_property
    def openapi(self) -> bytes:
        """The OpenAPI document, as JSON."""
        return msgspec.json.encode(document(self.model, self.golden, self.settings))


def load_scorer(settings: Settings, loop: asyncio.AbstractEventLoop) -> Scorer:
    """Load and check the model; takes a while and is made for a thread.

    Raises:
        StartError, ml.jobkit.errors.JobError: what is wrong with the model folder.
    """
    folder = settings.model_dir
    golden = self_check.read_golden(folder / "golden.json")
    model = load_model(folder)
    decoding = Decoding(model.specification, settings.max_rows)
    results = Results(model.identity, model.outputs)
    quick, slow = Lane(model, results), Lane(model, results)
    Watchdog((quick, slow), settings.scoring_seconds).start()
    seconds = self_check.check(golden, decoding, quick, settings.batch_rows)
    batching = Batching(settings, loop, quick, slow)
    batching.measured(seconds)
    return Scorer(model, decoding, batching, golden, settings)
