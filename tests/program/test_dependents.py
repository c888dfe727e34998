"""A failed resource holds up what depends on it, and nothing else."""

from __future__ import annotations

from infra.dependents import skip_dependents_of_failures
from tests.program import test_platform as platform_rules
from tests.program.recorder import run


def test_only_dependents_of_a_failed_resource_are_left_out() -> None:
    def program() -> None:
        skip_dependents_of_failures()
        platform_rules.program()

    every = platform_rules.build("local")
    recording = run(program, platform_rules.CONFIGURATIONS["local"], stack="local", failing={"key-vault"})
    assert (every.exit_code, recording.exit_code) == (0, 32)
    failed = next(resource.urn for resource in every.azure if resource.name == "key-vault")
    assert {r.urn for r in recording.azure} == {r.urn for r in every.azure if failed not in every.before(r)}
    names = {resource.name for resource in recording.azure}
    assert "lake-curated" in names
    assert names.isdisjoint({"workspace", "compute-cpu", "workspace-identity-vault-contributor"})
