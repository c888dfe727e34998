"""What `make up` prints: rows without property diffs, then each system as it serves, with the challenger that lost."""

from __future__ import annotations

import re

from tests.local.conftest import Deployed

DIFF = re.compile(r"^\s*[-+~] [A-Za-z_]+\s*: ", re.MULTILINE)


def end(printed: str) -> list[str]:
    """What is printed after the engine has ended, without what varies in width."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    place = max(place for place, line in enumerate(lines) if line.startswith("Updating stack local: "))
    return lines[place:]


def test_the_first_up_ends_with_what_serves_and_an_answer_of_it(deployed: Deployed) -> None:
    shown = end(deployed.first)
    assert re.fullmatch(r"Updating stack local: done in .*: \d+ created", shown[0])
    assert "bike_buyer" in shown
    assert any(line.startswith("serves version 1 with 100 % of the traffic, sha256 ") for line in shown)
    assert any(re.fullmatch(r"auc 0\.\d{4} accuracy 0\.\d{4} .*", line) for line in shown)
    assert any(re.fullmatch(r"answers yes by version 1, in \d+ ms", line) for line in shown)
    assert any(line.startswith("champion run http") for line in shown)
    assert len(shown) < 25


def test_a_challenger_that_lost_stands_at_the_end_with_figures_reason_and_run(deployed: Deployed) -> None:
    shown = end(deployed.lost)
    assert re.fullmatch(r"Updating stack local: done in .*: 2 replaced, \d+ unchanged", shown[0])
    (judged,) = (place for place, line in enumerate(shown) if line.startswith("judged last "))
    assert shown[judged].endswith("lost: the champion was kept")
    assert shown[judged].split()[2] == deployed.checkout.outputs()["job"]
    assert re.search(r"auc 0\.\d{4} against 0\.\d{4}", " ".join(shown[judged : judged + 4]))
    assert any(line.startswith("challenger run http") and line.endswith(shown[judged].split()[2]) for line in shown)
    assert any(line.startswith("serves version 1 with 100 %") for line in shown)


def test_no_output_and_no_property_stands_between_the_rows_and_the_end(deployed: Deployed) -> None:
    for printed in (deployed.first, deployed.lost):
        assert not DIFF.search(printed)
        assert "Outputs:" not in printed
        assert "[secret]" not in printed
    assert re.search(r"^\+ bike_buyer-gate created in \d+", deployed.first, re.MULTILINE)


def test_a_log_says_at_least_every_ten_seconds_how_far_the_gate_is(deployed: Deployed) -> None:
    took = re.search(r"bike_buyer-gate created in (?:(\d+) min )?(\d+)(?:\.\d+)? s", deployed.first)
    assert took is not None
    seconds = int(took[1] or 0) * 60 + int(took[2])
    said = re.findall(r"^  bike_buyer-gate creating.*\(\d.*, at most 20 min 00 s\)$", deployed.first, re.MULTILINE)
    assert len(said) >= seconds // 11


def test_a_preview_of_an_unchanged_stack_says_so_first_and_what_serves_now_last(deployed: Deployed) -> None:
    lines = deployed.checkout.tool("preview", "local").splitlines()
    assert re.fullmatch(r"Nothing changes: \d+ unchanged\.", lines[2])
    assert any(line.startswith("bike_buyer serves now: version 1 with 100 %") for line in lines)
