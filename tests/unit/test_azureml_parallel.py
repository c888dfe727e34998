"""Parallel steps: how input is cut into mini-batches, and what the driver does with a script that fails."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.machine_learning.jobs.inputs import JobFailure
from emulator.machine_learning.jobs.parallel.mini_batches import mini_batches
from emulator.machine_learning.jobs.parallel.specification import DRIVER, check_parallel, read_table, settings_of

SCRIPT = """
import os, pathlib, sys, time

def init():
    print("init", sys.argv[1], flush=True)

def run(mini_batch):
    first = pathlib.Path(mini_batch[0])
    if first.name == "hangs":
        time.sleep(60)
    if first.name == "fails-once" and not pathlib.Path("tried").exists():
        pathlib.Path("tried").touch()
        raise ValueError("not yet")
    return [f"{pathlib.Path(one).name}={pathlib.Path(one).read_text()}" for one in mini_batch]
"""
COMPONENT = {
    "type": "parallel",
    "inputs": {"rows": {"type": "uri_folder"}},
    "input_data": "${{inputs.rows}}",
    "task": {"type": "run_function", "entry_script": "score.py", "environment": "plain:1"},
}


@pytest.mark.parametrize("file", ["driver.py", "mini_batches.py"])
def test_what_runs_in_the_jobs_python_is_read_by_an_old_one(file: str) -> None:
    ast.parse(DRIVER.with_name(file).read_text(), feature_version=(3, 7))


def drive(folder: Path, names: list[str], script: str = SCRIPT, **changed: Any) -> subprocess.CompletedProcess[str]:
    """Runs a script over files whose content is their number, two at a time."""
    source = folder / "source"
    source.mkdir()
    for number, name in enumerate(names):
        (source / name).write_text(str(number))
    (folder / "score.py").write_text(script)
    settings = {
        **settings_of({}, COMPONENT),
        "source": str(source),
        "table": None,
        "mini_batch_size": 2,
        "append_row_to": str(folder / "rows.txt"),
        **changed,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [sys.executable, str(DRIVER), str(folder / "settings.json"), "hello"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_rows_of_all_mini_batches_are_kept_in_order_and_failed_ones_tried_again(tmp_path: Path) -> None:
    done = drive(tmp_path, ["a", "b", "c", "d", "fails-once"], workers=2)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rows.txt").read_text().split() == ["a=0", "b=1", "c=2", "d=3", "fails-once=4"]
    assert "3 mini-batches done, 0 failed" in done.stdout
    assert "init hello" in done.stdout
    assert "ValueError: not yet" in done.stdout


def test_mini_batch_that_hangs_is_ended_and_too_many_fail_the_step(tmp_path: Path) -> None:
    retry = {"max_retries": 0, "timeout": 1}
    done = drive(tmp_path, ["a", "b", "hangs"], retry=retry, mini_batch_error_threshold=0)
    assert done.returncode == 1
    assert "took longer than 1 s" in done.stdout
    assert "1 failed, more than the mini_batch_error_threshold of 0" in done.stdout
    assert (tmp_path / "rows.txt").read_text().split() == ["a=0", "b=1"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("def init():\n    raise SystemExit('no model')\ndef run(batch): return batch\n", "init() failed"),
        ("def run(batch):\n    return 'text'\n", "run() must return a list or a DataFrame, not str"),
        ("def run(batch):\n    return batch[:1]\n", "1 failed, more than the error_threshold of 0"),
    ],
)
def test_script_that_keeps_no_contract_fails_the_step(tmp_path: Path, script: str, says: str) -> None:
    retry = {"max_retries": 0, "timeout": 60}
    done = drive(tmp_path, ["a", "b"], script, retry=retry, mini_batch_error_threshold=0, error_threshold=0)
    assert (done.returncode, says in done.stdout) == (1, True), done.stdout


def table(folder: Path, mltable: str) -> dict[str, Any]:
    """A table of four files in folders by shop and brand, six rows each."""
    for shop in ("1", "2"):
        for brand in ("x", "y"):
            (folder / shop / brand).mkdir(parents=True)
            (folder / shop / brand / "rows.csv").write_text(
                "n,t\n" + "".join(f"{row},{shop}{brand}\n" for row in range(6))
            )
    (folder / "MLTable").write_text(mltable)
    return {"source": str(folder), "table": read_table(folder), "partition_keys": [], "mini_batch_size": 15}


def test_table_is_cut_by_bytes(tmp_path: Path) -> None:
    settings = table(
        tmp_path, "paths: [{pattern: ./1/**/*.csv}]\ntransformations: [{read_delimited: {delimiter: ','}}]"
    )
    batches = mini_batches(settings)
    assert [len(batch.content) for batch in batches] == [3, 3, 3, 3]
    assert [batch.index for batch in batches] == [0, 1, 2, 3]
    assert list(batches[2].content.t) == ["1y"] * 3


def test_table_that_does_not_say_how_its_files_are_read_is_their_names(tmp_path: Path) -> None:
    settings = table(tmp_path, "paths: [{folder: ./2}, {file: ./1/x/rows.csv}]")
    names = [str(tmp_path / part / "rows.csv") for part in ("2/x", "2/y", "1/x")]
    assert [batch.content for batch in mini_batches({**settings, "mini_batch_size": 2})] == [names[:2], names[2:]]


def test_table_is_cut_by_the_values_of_columns_that_folders_name(tmp_path: Path) -> None:
    form = "{extract_columns_from_partition_format: {partition_format: '{shop}/{brand}/{file}.{kind}'}}"
    steps = f"[{{read_delimited: {{delimiter: ','}}}}, {form}, {{drop_columns: [file, kind]}}]"
    settings = table(tmp_path, f"paths: [{{folder: ./}}]\ntransformations: {steps}")
    batches = mini_batches({**settings, "partition_keys": ["shop", "brand"]})
    assert [batch.keys for batch in batches][:2] == [{"shop": "1", "brand": "x"}, {"shop": "1", "brand": "y"}]
    assert list(batches[3].content.columns) == ["n", "t", "shop", "brand"]
    assert (len(batches), set(batches[3].content.t)) == (4, {"2y"})


@pytest.mark.parametrize(
    ("mltable", "says"),
    [
        ("paths: [{file: 'https://example.org/a.csv'}]", "names https://example.org/a.csv"),
        ("paths: [{file: a.csv}]\ntransformations: [{convert_column_types: []}]", "'convert_column_types'; those done"),
        ("a: 1", "cannot be read"),
    ],
)
def test_table_that_asks_for_more_is_refused(tmp_path: Path, mltable: str, says: str) -> None:
    (tmp_path / "MLTable").write_text(mltable)
    with pytest.raises(JobFailure, match=says):
        read_table(tmp_path)


def test_what_a_step_says_goes_before_its_component() -> None:
    step = {"mini_batch_size": "5", "retry_settings": {"timeout": 7}, "resources": {"instance_count": 2}}
    settings = settings_of(step, {**COMPONENT, "mini_batch_size": "3", "max_concurrency_per_instance": 2})
    assert (settings["mini_batch_size"], settings["workers"], settings["input"]) == (5, 4, "rows")
    assert settings["retry"] == {"max_retries": 3, "timeout": 7}
    with pytest.raises(ServiceError, match="'input_data' must be one of its inputs"):
        check_parallel("one", {**COMPONENT, "input_data": "${{inputs.other}}"})
