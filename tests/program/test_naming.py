"""Names against Azure's limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.naming import LIMITS, SUFFIX_LENGTH, Kind, Naming, Unique

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
LOCAL = Naming.of(subscription_id=SUBSCRIPTION, project="mlops", stack="local")
GLOBAL = sorted(kind for kind in Kind if LIMITS[kind].unique is Unique.GLOBALLY)


@pytest.mark.parametrize(
    ("kind", "role", "name"),
    [
        (Kind.RESOURCE_GROUP, "", "rg-mlops-local-{suffix}"),
        (Kind.LOG_ANALYTICS, "", "log-mlops-local-{suffix}"),
        (Kind.APPLICATION_INSIGHTS, "", "appi-mlops-local-{suffix}"),
        (Kind.STORAGE_ACCOUNT, "ml", "stmlopslocalml{suffix}"),
        (Kind.STORAGE_ACCOUNT, "lake", "stmlopslocallake{suffix}"),
        (Kind.CONTAINER, "raw", "raw"),
        (Kind.KEY_VAULT, "", "kv-mlops-local-{suffix}"),
        (Kind.CONTAINER_REGISTRY, "", "crmlopslocal{suffix}"),
        (Kind.IDENTITY, "compute", "id-mlops-local-compute-{suffix}"),
        (Kind.ML_WORKSPACE, "", "mlw-mlops-local-{suffix}"),
        (Kind.ML_COMPUTE, "cpu", "cpu"),
        (Kind.ML_DATASTORE, "lake_raw", "lake_raw"),
    ],
)
def test_name_of_each_kind(kind: Kind, role: str, name: str) -> None:
    assert LOCAL.name(kind, role) == name.format(suffix=LOCAL.suffix)


def test_every_kind_has_limits() -> None:
    assert set(LIMITS) == set(Kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if LIMITS[kind].unique is not Unique.PARENT])
def test_long_stack_names_are_shortened_but_keep_role_and_suffix(kind: Kind) -> None:
    naming = Naming.of(subscription_id=SUBSCRIPTION, project="mlops", stack="a-rather-long-stack-name" * 12)
    name = naming.name(kind, "lake")
    assert len(name) == LIMITS[kind].longest
    assert name.endswith("lake" + LIMITS[kind].separator + naming.suffix)


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (Kind.STORAGE_ACCOUNT, "Lake"),
        (Kind.STORAGE_ACCOUNT, "data-lake"),
        (Kind.STORAGE_ACCOUNT, "averylongrolename"),
        (Kind.CONTAINER, "ra"),
        (Kind.CONTAINER, "raw--data"),
        (Kind.ML_COMPUTE, "1cpu"),
        (Kind.ML_COMPUTE, "c" * 33),
        (Kind.ML_DATASTORE, "lake-raw"),
        (Kind.KEY_VAULT, "a_b"),
        (Kind.RESOURCE_GROUP, "platform/ml"),
    ],
)
def test_role_outside_the_limits_is_refused(kind: Kind, role: str) -> None:
    with pytest.raises(ValueError, match=re.escape(kind.value)):
        LOCAL.name(kind, role)


def test_suffix_depends_on_everything_that_separates_stacks() -> None:
    base = {"subscription_id": SUBSCRIPTION, "project": "mlops", "stack": "dev", "salt": ""}
    others = [{**base, key: f"other{value[5:]}"} for key, value in base.items()]
    suffixes = {Naming.of(**arguments).suffix for arguments in (base, *others)}
    assert len(suffixes) == 5
    assert {len(suffix) for suffix in suffixes} == {SUFFIX_LENGTH}


def test_case_of_the_subscription_does_not_matter() -> None:
    upper = Naming.of(subscription_id="ABCDEF00-2222-3333-4444-555555555555", project="mlops", stack="dev")
    lower = Naming.of(subscription_id="abcdef00-2222-3333-4444-555555555555", project="mlops", stack="dev")
    assert upper == lower


@given(stack=st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True), project=st.from_regex(r"[a-zA-Z0-9_.-]{1,100}"))
def test_any_stack_and_project_give_valid_names(stack: str, project: str) -> None:
    naming = Naming.of(subscription_id=SUBSCRIPTION, project=project, stack=stack)
    for kind in Kind:
        if LIMITS[kind].unique is not Unique.PARENT:
            naming.name(kind, "lake")


@given(
    st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True), min_size=2, max_size=5, unique=True),
    st.sampled_from(GLOBAL),
)
def test_two_stacks_never_share_a_global_name(stacks: list[str], kind: Kind) -> None:
    namings = [Naming.of(subscription_id=SUBSCRIPTION, project="mlops", stack=stack) for stack in stacks]
    assert len({naming.name(kind) for naming in namings}) == len(stacks)
