"""`make score`: what a file's rows become, what is wrong with them, and what an endpoint's refusal says of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.jobkit.features import Specification, load
from tools.progress import SetupError
from tools.score import ask, rows, run
from tools.score.ask import Answers
from tools.score.rows import Question
from tools.versions import ROOT

HEADER = (
    "Country,MaritalStatus,Gender,Age,YearlyIncome,TotalChildren,NumberChildrenAtHome,Education,Occupation,"
    "HouseOwnerFlag,NumberCarsOwned,CommuteDistance"
)
ROW = "Germany,S,F,34,60000.5,1,1,Bachelors,Professional,0,0,2-5 Miles"


@pytest.fixture(scope="module")
def specification() -> Specification:
    return load(ROOT / "ml/systems/bike_buyer/features.yaml")


def written(folder: Path, *lines: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


def test_columns_become_what_the_features_take_and_others_are_named(
    tmp_path: Path, specification: Specification
) -> None:
    table = rows.read_csv(written(tmp_path, f"id,{HEADER}", f"a7,{ROW}", "", f"b8,{ROW}"), specification)
    assert (table.rows[0]["Age"], table.rows[0]["YearlyIncome"], table.rows[0]["Country"]) == (34, 60000.5, "Germany")
    assert isinstance(table.rows[0]["Age"], int)
    assert "id" not in table.rows[0]
    assert (table.ignored, table.place(1)) == (["id"], "row 2 (line 4)")
    answered = rows.write_csv(table, [{"probability": 0.25, "Age": 9}, {"probability": 0.75, "Age": 9}])
    assert answered.splitlines()[1:] == [f"a7,{ROW},0.25", f"b8,{ROW},0.75"]


def test_a_header_with_semicolons_separates_by_them(tmp_path: Path, specification: Specification) -> None:
    table = rows.read_csv(written(tmp_path, HEADER.replace(",", ";"), ROW.replace(",", ";")), specification)
    assert table.rows[0]["CommuteDistance"] == "2-5 Miles"


def test_everything_wrong_with_a_file_is_one_message(tmp_path: Path, specification: Specification) -> None:
    wrong = ROW.replace("34", "3x").replace("60000.5", "nan")
    path = written(tmp_path, HEADER, wrong, ROW.replace("34", "34.5"), ROW.replace("Germany", ""), ROW + ",1")
    with pytest.raises(SetupError) as refused:
        rows.read_csv(path, specification)
    assert str(refused.value).splitlines() == [
        f"FILE={path}:",
        "  row 1 (line 2), Age: '3x' is not a whole number",
        "  row 1 (line 2), YearlyIncome: 'nan' is not a number",
        "  row 2 (line 3), Age: '34.5' is not a whole number",
        "  row 3 (line 4), Country: nothing is there instead of a text",
        "  row 4 (line 5) has 13 values, the header 12",
    ]


def test_all_columns_that_are_missing_are_named(tmp_path: Path, specification: Specification) -> None:
    path = written(tmp_path, HEADER.replace("Age,", "").replace("Gender,", ""), ROW)
    with pytest.raises(SetupError, match=r"the header lacks Gender, Age\. A row needs Country, MaritalStatus"):
        rows.read_csv(path, specification)
    with pytest.raises(SetupError, match="the header has Age more than once"):
        rows.read_csv(written(tmp_path, f"{HEADER},Age", ROW), specification)
    with pytest.raises(SetupError, match="there is no row below the header"):
        rows.read_csv(written(tmp_path, HEADER), specification)


@pytest.mark.parametrize("text", ['{"data": [{"Age": 1}]}', '[{"Age": 1}]', '{"Age": 1}'])
def test_a_request_a_list_and_a_bare_row_are_the_same(tmp_path: Path, text: str) -> None:
    assert rows.read_json(written(tmp_path, text, name="rows.json")) == Question([{"Age": 1}])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON"),
        ("[]", r"write \{\"data\": \[row"),
        ("7", r"write \{\"data\": \[row"),
        ("[7]", r"data\[0\] is no row"),
        ('{"data": [{}], "more": 1}', "beside 'data' there is more: remove it"),
    ],
)
def test_json_that_holds_no_rows_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        rows.read_json(written(tmp_path, text, name="rows.json"))


def test_rows_go_in_batches_and_a_refused_one_is_found_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    refused = {"error": {"code": "range", "message": "row 1: Age must be a whole number", "row": 1, "field": "Age"}}

    def post(client: httpx.Client, uri: str, *, json: dict[str, Any]) -> httpx.Response:
        batch = json["data"]
        asked.append(len(batch))
        if 2502 in batch:
            return httpx.Response(424, json=refused)
        warned = {"x-scoring-warning": "unknown category in row 2, field Country"} if 1000 in batch else {}
        body = {"result": [{"p": 1}] * len(batch), "model": "m", "version": 3}
        listed = {"warnings": [{"row": 2, "field": "Country"}] if 1000 in batch else []} if json.get("warnings") else {}
        return httpx.Response(200, json=body | listed, headers=warned)

    monkeypatch.setattr(httpx.Client, "post", post)
    place, said = "row {}".format, list[str]()
    found = ask.ask("https://x/score", "key", Question(range(1500)), place, said.append)
    assert (asked, said, len(found.results), found.versions) == ([1000, 500], ["1,000 of 1,500 rows"], 1500, {3: 1500})
    assert list(found.warnings) == ["unknown category in row 1002, field Country"]
    asking = ask.ask("https://x/score", "key", Question(range(1500), warnings=True), place, said.append)
    assert (found.listed, asking.listed) == (None, [{"row": 1002, "field": "Country"}])
    with pytest.raises(SetupError, match=r"^row 2001, Age: Age must be a whole number$"):
        ask.ask("https://x/score", "key", Question([*range(2000), 1, 2502]), place, said.append)


def test_answers_are_written_as_an_endpoint_gives_them() -> None:
    one = Answers([{"p": 1, "version": 3}], "m", versions={3: 1})  # type: ignore[arg-type]
    assert json.loads(run.to_json(one)) == {"result": [{"p": 1}], "model": "m", "version": 3}
    two = Answers([{"p": 1, "version": 3}, {"p": 0, "version": 4}], "m", versions={3: 1, 4: 1})  # type: ignore[arg-type]
    two.listed = [{"row": 0}]
    assert json.loads(run.to_json(two)) == {"result": two.results, "model": "m", "warnings": [{"row": 0}]}
