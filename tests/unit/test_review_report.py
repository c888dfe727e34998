"""What a review says of a plan: losses, access, models, noise, and what a comment has room for."""

from __future__ import annotations

import json

import pytest

from review import document, markdown
from review.access import Role
from review.properties import PropertyChange
from review.report import Report, Risk, StackReview
from review.sentence import sentence
from review.size import Section, fitted, length
from tests.unit.review_plans import GROUP, review, step, urn

STORAGE, SITE = "azure-native:storage:StorageAccount", "azure-native:managedidentity:UserAssignedIdentity"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
JOB, GATE = "pulumi-python:dynamic/ml:TrainingJob", "pulumi-python:dynamic/ml:QualityGate"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ROLES = {READER: Role("Storage Blob Data Reader", "reads and lists blobs")}


def comment(one: StackReview) -> str:
    return markdown.render(Report("mlops", (one,)))


def test_nothing_is_one_line() -> None:
    one = review(step("same", STORAGE, "lake", {"sku": "x"}, {"sku": "x"}))
    assert one.risk is Risk.NOTHING
    assert sentence(one) == "No changes: all 1 resource stay as they are."
    assert "<details>" not in comment(one)


def test_a_replaced_account_says_what_goes_with_it_and_why() -> None:
    old, new = {"location": "westeurope"}, {"location": "northeurope"}
    one = review(step("replace", STORAGE, "lake", old, new, replaceReasons=["location"]))
    assert one.risk is Risk.LOSS
    text = comment(one)
    assert "| 🔴 | `lake` (StorageAccount) replaced | `location` | every blob, file and queue in it |" in text
    assert text.index("every blob") < text.index("<details>")
    assert "comes back empty" in text


def test_a_protected_resource_blocks() -> None:
    one = review(step("delete", STORAGE, "lake", {"location": "westeurope"}, protect=True))
    assert (one.risk, Report("mlops", (one,)).exit_code) == (Risk.BLOCKED, 5)


def test_a_change_that_many_share_is_said_once() -> None:
    steps = [
        step("update", STORAGE, f"s{n}", {"tags": {"cost-center": "a"}}, {"tags": {"cost-center": "b"}})
        for n in range(5)
    ]
    one = review(*steps)
    assert one.common == ((PropertyChange("tags.cost-center", "a", "b"), 5),)
    assert comment(one).count("tags.cost-center") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"ids": ["a", "b"]}, {"ids": ["b", "a"]}),
        ({"id": f"{GROUP}/x"}, {"id": f"{GROUP}/x".replace("resourceGroups", "resourcegroups")}),
        ({"code": {"ml/a.py": "1"}}, {"code": {"ml/a.py": "2"}}),
    ],
)
def test_differences_that_say_nothing_are_counted(old: dict[str, object], new: dict[str, object]) -> None:
    one = review(step("update", STORAGE, "lake", old, new))
    assert (one.changes[0].properties, one.hidden) == ((), 1)
    assert "Not shown, because it says nothing: 1 difference" in comment(one)


def assignment(role: str, scope: str, holder: str = "") -> dict[str, object]:
    definition = f"/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{role}"
    inputs = {"roleDefinitionId": definition, "scope": scope, "principalId": "p", "principalType": "Group"}
    more = {"propertyDependencies": {"principalId": [urn(SITE, holder)]}} if holder else {}
    return step("create", ASSIGNMENT, f"{holder}-{role}", None, inputs, **more)


def test_a_new_role_is_told_in_words() -> None:
    scope = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/lake"
    (one,) = review(assignment(READER, scope, "identities-compute"), roles=ROLES).access
    expected = "is **Storage Blob Data Reader** on storageAccounts `lake`: reads and lists blobs"
    assert one.said == f"**New:** `identities-compute` {expected}"
    assert one.widens
    assert not one.serious


def test_owner_of_the_subscription_is_serious() -> None:
    one = review(assignment(OWNER, "/subscriptions/x"), roles=ROLES)
    assert one.access[0].said == "**New:** group `p` is **Owner** on the **whole subscription**"
    assert one.access[0].serious
    assert "Access opens in 1 place" in sentence(one)


def test_a_network_that_opens_is_told_before_the_folds() -> None:
    old, new = ({"networkRuleSet": {"defaultAction": action}} for action in ("Deny", "Allow"))
    text = comment(review(step("update", STORAGE, "lake", old, new)))
    said = "⚠️ `lake` (StorageAccount) lets every network in (`networkRuleSet.defaultAction: Allow`)"
    assert said in text.partition("<details>")[0]


def test_a_gate_whose_floor_falls_is_in_the_first_sentence() -> None:
    old, new = ({"system": "bike", "floors": {"auc": floor}} for floor in (0.8, 0.5))
    one = review(step("replace", GATE, "gate", old, new, replaceReasons=["digest"]))
    assert "A gate's floor is lowered (bike: auc 0.8 → 0.5)" in sentence(one)
    assert "bike is judged again (floors)" in sentence(one)


def test_a_job_names_what_makes_it_another_one_and_its_limit() -> None:
    old, new = ({"system": "bike", "timeoutMinutes": 60, "compute": "cpu", "digest": digest} for digest in "ab")
    one = review(
        step("replace", JOB, "job", old, new, replaceReasons=["digest"]),
        reasons=lambda was, now: ["ml/jobkit/train.py", "rounds 200 -> 250"],
        price=lambda compute, minutes: f", at most ${minutes / 60:.2f}",
    )
    assert "bike trains again (train.py, rounds 200 -> 250)" in sentence(one)
    assert "at most 60 min of `cpu`, at most $1.00" in comment(one)


def test_a_stack_that_promotes_from_now_on_says_from_which_and_what_must_be_reached() -> None:
    kind, new = "pulumi-python:dynamic/ml:PromotedModel", {"system": "bike", "source": {"stack": "dev"}}
    gate = {"system": "bike", "floors": {"auc": 0.8}}
    one = review(
        step("delete", JOB, "job", {"system": "bike"}),
        step("create", kind, "promotion", None, new),
        step("replace", GATE, "gate", gate, gate, replaceReasons=["digest"]),
    )
    assert "bike is promoted from stack dev" in sentence(one)
    assert "must reach floors auc ≥ 0.8" in comment(one)
    assert "trains" not in sentence(one)


def test_a_plan_that_failed_is_a_comment_too_and_holds_no_traceback() -> None:
    from review.assemble import failed
    from review.redact import Redactor
    from tests.unit.review_plans import FRESH

    trace = 'Traceback (most recent call last):\n  File "/home/x/infra/a.py", line 3, in b\nKeyError: 1'
    said = f"error: Program failed\n{trace}"
    one = failed("mlops", "dev", FRESH, [said], Redactor())
    text = comment(one)
    assert "> error: KeyError: 1 (infra/a.py, line 3)" in text
    assert "/home/" not in text
    assert Report("mlops", (one,)).exit_code == 1


def test_sections_go_in_their_order_and_the_rest_stays_whole() -> None:
    sections = [Section("keep", "k" * 50), Section("first", "f" * 200, 6), Section("second", "s" * 40, 3)]
    text = fitted(sections, 250)
    assert "k" * 50 in text
    assert "s" * 40 in text
    assert "fff" not in text
    assert "Left out, because a comment has room for 65,000 characters: first." in text


def test_a_comment_never_ends_within_a_tag() -> None:
    steps = [step("update", STORAGE, f"s{n}", {"a": f"{n}" * 90}, {"a": f"{n + 1}" * 90}) for n in range(900)]
    text = comment(review(*steps))
    assert length(text) <= 65_000
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert "Left out" in text


def test_no_value_breaks_out_of_its_fence_or_cell() -> None:
    text = comment(review(step("update", STORAGE, "lake", {"a": "x"}, {"a": "```\n</details>|--> y"})))
    assert text.count("```") == 2
    assert "    a: x → ''' </details>|--> y\n" in text


def test_the_machine_block_is_read_back() -> None:
    text = comment(review(step("delete", STORAGE, "lake", {"a": 1})))
    block = next(line for line in text.splitlines() if line.startswith("<!-- mlops-review-data "))
    found = json.loads(block.removeprefix("<!-- mlops-review-data ").removesuffix(" -->"))
    assert found["stacks"][0]["counts"]["delete"] == 1


def test_the_same_plan_gives_the_same_bytes() -> None:
    steps = [step("update", STORAGE, f"s{n}", {"a": n}, {"a": n + 1}) for n in range(9)]
    assert comment(review(*steps)) == comment(review(*reversed(steps)))
    assert document.text(Report("mlops", (review(*steps),))) == document.text(Report("mlops", (review(*steps),)))


def test_several_stacks_are_rolled_up_with_the_worst_first() -> None:
    from dataclasses import replace

    quiet = replace(review(step("same", STORAGE, "lake", {}, {})), stack="dev")
    loud = replace(review(step("delete", STORAGE, "lake", {"a": 1})), stack="prod")
    text = markdown.render(Report("mlops", (quiet, loud)))
    assert text.startswith("<!-- mlops-review project=mlops stack=all -->")
    assert "prod: **Data is lost**" in text
    assert "| ⚪ | dev | nothing changes |" in text
    assert text.index("<b>prod</b>") < text.index("<b>dev</b>")
