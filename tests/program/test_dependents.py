"""A failed resource takes down what depends on it, and nothing else."""

from __future__ import annotations

import pytest

from infra.dependents import skip_dependents_of_failures
from infra.platform import Platform
from infra.settings import Settings
from tests.program.recorder import run, stack_config


def program() -> None:
    skip_dependents_of_failures()
    Platform("platform", Settings.load())


@pytest.mark.parametrize(
    ("failing", "held_up", "made"),
    [
        ("key-vault", "workspace", "lake-curated"),
        ("registry", "compute-cpu", "key-vault"),
        ("identities-endpoint", "endpoint-identity-registry-acr-pull", "compute-cpu"),
    ],
)
def test_only_dependents_are_left_out(failing: str, held_up: str, made: str) -> None:
    config = stack_config("local")
    every = run(program, config, stack="local", preview=False)
    recording = run(program, config, stack="local", preview=False, failing={failing})
    failed = next(resource.urn for resource in every.azure if resource.name == failing)
    expected = {resource.urn for resource in every.azure if failed not in every.before(resource)}
    assert {resource.urn for resource in recording.azure} == expected
    names = {resource.name for resource in recording.azure}
    assert held_up not in names
    assert made in names
