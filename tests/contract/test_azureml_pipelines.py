"""Pipeline jobs through the unmodified azure-ai-ml."""

# No `from __future__ import annotations`: azure-ai-ml reads the annotations of pipeline functions as types.

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.contract.azureml_sdk import (
    Environment,
    Input,
    Output,
    RunFunction,
    command,
    dsl,
    parallel_run_function,
)
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace, until

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


@pytest.fixture(name="table")
def fixture_table(workspace: Workspace, tmp_path: Path) -> Input:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    (tmp_path / "table.csv").write_text("rows")
    return Input(type="uri_file", path=str(tmp_path / "table.csv"))


def step(name: str, text: str, **inputs: Input) -> Any:
    """A component that runs a command and has one output folder."""
    outputs = {"out": Output(type="uri_folder")}
    made = command(name=name, command=text, environment="plain:1", inputs=inputs, outputs=outputs)
    return made.component


def submit(workspace: Workspace, pipeline: Any) -> str:
    """Submits a pipeline and gives its name."""
    pipeline.name = f"pipe-{uuid.uuid4().hex[:12]}"
    name: str = workspace.client.jobs.create_or_update(pipeline, experiment_name="pipelines").name
    return name


def states(workspace: Workspace, pipeline: str) -> dict[str, str]:
    """Status of each step."""
    return {one.display_name: one.status for one in workspace.client.jobs.list(parent_job_name=pipeline)}


def test_steps_run_in_order_and_pass_their_outputs_on(workspace: Workspace, table: Input, tmp_path: Path) -> None:
    first = step("first", "cp ${{inputs.table}} ${{outputs.out}}/x", table=Input(type="uri_file"))
    times = "for i in $(seq ${{inputs.times}}); do cat ${{inputs.before}}/x; done > ${{outputs.out}}/y"
    second = step("second", times, before=Input(type="uri_folder"), times=Input(type="integer", default=3))

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def chain(table: Input) -> dict[str, Any]:
        copy = first(table=table)
        repeat = second(before=copy.outputs.out)
        return {"result": repeat.outputs.out}

    name = submit(workspace, chain(table))
    assert workspace.end(name).status == "Completed", workspace.details(name)
    assert states(workspace, name) == {"copy": "Completed", "repeat": "Completed"}
    assert name in [one.name for one in workspace.client.jobs.list()]
    child = next(iter(workspace.client.jobs.list(parent_job_name=name)))
    assert child.name not in [one.name for one in workspace.client.jobs.list()]
    assert workspace.client.jobs.get(child.name).status == "Completed"
    workspace.client.jobs.download(name, all=True, download_path=tmp_path / "down")
    assert (tmp_path / "down/named-outputs/result/y").read_text() == "rows" * 3


def test_failed_step_fails_the_pipeline_and_stops_what_waits_for_it(workspace: Workspace, table: Input) -> None:
    first = step("broken", "echo no such column; exit 1", table=Input(type="uri_file"))
    second = step("never", "true", before=Input(type="uri_folder"))

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def chain(table: Input) -> None:
        broken = first(table=table)
        never = second(before=broken.outputs.out)
        never.name = "never"

    name = submit(workspace, chain(table))
    assert workspace.end(name).status == "Failed"
    assert states(workspace, name) == {"broken": "Failed"}
    assert "no such column" in workspace.details(name)["error"]["error"]["message"]


@pytest.mark.parametrize("go_on", [None, False])
def test_steps_beside_a_failed_one_go_on_unless_told_otherwise(
    workspace: Workspace, table: Input, tmp_path: Path, go_on: bool | None
) -> None:
    gate = tmp_path / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.1; done; cp ${{{{inputs.table}}}} ${{{{outputs.out}}}}/x"
    bad = step("bad", "exit 1", table=Input(type="uri_file"))
    good = step("good", wait, table=Input(type="uri_file"))
    more = step("more", "cat ${{inputs.before}}/x", before=Input(type="uri_folder"))

    @dsl.pipeline(default_compute="cpu", continue_on_step_failure=go_on)  # type: ignore[untyped-decorator]
    def fork(table: Input) -> None:
        bad(table=table)
        beside = good(table=table)
        more(before=beside.outputs.out)

    name = submit(workspace, fork(table))
    until(lambda: states(workspace, name).get("bad") == "Failed")
    if go_on is None:
        gate.touch()
    assert workspace.end(name).status == "Failed"
    beside = "Canceled" if go_on is False else "Completed"
    assert states(workspace, name) == {
        "bad": "Failed",
        "beside": beside,
        **({} if go_on is False else {"more": beside}),
    }


def test_pipeline_whose_step_cannot_start_ends_with_all_its_steps(
    workspace: Workspace, table: Input, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = step("first", f"until [ -e {gate} ]; do sleep 0.1; done", table=Input(type="uri_file"))
    slow = step("slow", "sleep 600", table=Input(type="uri_file"))
    last = step("vanishes", "echo never", before=Input(type="uri_folder"))

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def fork(table: Input) -> None:
        before = first(table=table)
        slow(table=table)
        last(before=before.outputs.out)

    name = submit(workspace, fork(table))
    until(lambda: states(workspace, name) == {"before": "Running", "slow": "Running"})
    document = workspace.request("GET", f"{workspace.id}/jobs/{name}").json()
    workspace.delete(document["properties"]["jobs"]["vanishes"]["componentId"])
    gate.touch()
    assert workspace.end(name).status == "Failed"
    assert "Step 'vanishes' could not be started" in workspace.details(name)["error"]["error"]["message"]
    until(lambda: states(workspace, name) == {"before": "Completed", "slow": "Canceled"}, seconds=60)


def test_canceled_pipeline_cancels_its_steps(workspace: Workspace, table: Input) -> None:
    slow = step("slow", "sleep 600", table=Input(type="uri_file"))

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def chain(table: Input) -> None:
        slow(table=table)

    name = submit(workspace, chain(table))
    until(lambda: "Running" in states(workspace, name).values())
    workspace.client.jobs.begin_cancel(name).result()
    assert workspace.end(name).status == "Canceled"
    assert list(states(workspace, name).values()) == ["Canceled"]


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        ({"inputs": {"before": "${{parent.jobs.ghost.outputs.out}}"}}, "binds its input 'before' to 'ghost'"),
        ({"inputs": {"before": "${{parent.jobs.one.outputs.o}}"}}, "binds its input 'before' to 'one.outputs.o'"),
        ({"inputs": {"before": "${{parent.inputs.table}}"}}, "binds its input 'before' to 'table'"),
        ({"outputs": {"out": "${{parent.outputs.result}}"}}, "binds its output 'out' to 'result'"),
        ({"outputs": {"o": "${{parent.outputs.result}}"}}, "has the output 'o', which its component does not declare"),
    ],
)
def test_pipeline_bound_to_nothing_is_refused(
    workspace: Workspace, table: Input, bound: dict[str, dict[str, str]], says: str
) -> None:
    made = workspace.client.components.create_or_update(step("lonely", "true", before=Input(type="uri_folder")))
    one = {"type": "command", "componentId": made.id}
    two = {kind: {name: {"value": text} for name, text in given.items()} for kind, given in bound.items()}
    body = {"jobType": "Pipeline", "jobs": {"one": one, "two": {**one, **two}}, "settings": {"default_compute": "cpu"}}
    answer = workspace.request("PUT", f"{workspace.id}/jobs/ghost", json={"properties": body})
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]["message"]


def test_nested_pipeline_passes_inputs_compute_and_outputs_through(
    workspace: Workspace, table: Input, tmp_path: Path
) -> None:
    leave = command(
        name="leave",
        command="cp ${{inputs.table}} outputs/kept.txt; echo $AZUREML_ROOT_RUN_ID > outputs/root.txt",
        environment="plain:1",
        inputs={"table": Input(type="uri_file")},
        outputs={"artifacts": Output(type="uri_folder")},
    ).component
    text = "cat ${{inputs.before}}/outputs/kept.txt ${{inputs.before}}/outputs/root.txt > ${{outputs.out}}/y"
    take = step("take", text, before=Input(type="uri_folder"))

    @dsl.pipeline()  # type: ignore[untyped-decorator]
    def inner(table: Input, where: str) -> dict[str, Any]:
        left = leave(table=table)
        left.compute = where
        taken = take(before=left.outputs.artifacts)
        return {"result": taken.outputs.out}

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def outer(table: Input, where: str) -> dict[str, Any]:
        nested = inner(table=table, where=where)
        return {"result": nested.outputs.result}

    name = submit(workspace, outer(table, "cpu"))
    assert workspace.end(name).status == "Completed", workspace.details(name)
    assert states(workspace, name) == {"nested": "Completed"}
    nested = next(iter(workspace.client.jobs.list(parent_job_name=name)))
    assert states(workspace, nested.name) == {"left": "Completed", "taken": "Completed"}
    workspace.client.jobs.download(name, output_name="result", download_path=tmp_path / "down")
    assert (tmp_path / "down/named-outputs/result/y").read_text() == f"rows{name}\n"


SCORE = """
import pathlib, sys

def init():
    global word
    word = sys.argv[sys.argv.index("--word") + 1]

def run(mini_batch, context):
    return [f"{word} {pathlib.Path(one).name} {context.minibatch_index}" for one in mini_batch]
"""


def test_parallel_step_hands_out_mini_batches(workspace: Workspace, table: Input, tmp_path: Path) -> None:
    code, rows = tmp_path / "code", tmp_path / "rows"
    code.mkdir()
    rows.mkdir()
    (code / "score.py").write_text(SCORE)
    for name in ("a", "b", "c"):
        (rows / name).write_text(name)
    score = parallel_run_function(
        name="score",
        inputs={"rows": Input(type="uri_folder"), "word": Input(type="string")},
        outputs={"scores": Output(type="mltable")},
        input_data="${{inputs.rows}}",
        mini_batch_size="2",
        instance_count=2,
        max_concurrency_per_instance=1,
        task=RunFunction(
            code=str(code),
            entry_script="score.py",
            environment="plain:1",
            program_arguments="--word ${{inputs.word}}",
            append_row_to="${{outputs.scores}}",
        ),
    )

    @dsl.pipeline(default_compute="cpu")  # type: ignore[untyped-decorator]
    def batch(rows: Input, word: str) -> dict[str, Any]:
        return {"scores": score(rows=rows, word=word).outputs.scores}

    made = batch(Input(type="uri_folder", path=str(rows)), "hello")
    made.outputs.scores.type = "uri_file"  # what the pipeline says counts
    name = submit(workspace, made)
    assert workspace.end(name).status == "Completed", workspace.details(name)
    workspace.client.jobs.download(name, output_name="scores", download_path=tmp_path / "down")
    written = next(file for file in (tmp_path / "down").rglob("*") if file.is_file())
    assert written.read_text().splitlines() == ["hello a 0", "hello b 0", "hello c 1"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"distribution": {"type": "PyTorch"}}, "A distributed step (PyTorch, step 'one')"),
        ({"resources": {"instance_count": 2}}, "A step on more than one node"),
    ],
)
def test_step_on_several_nodes_is_refused_as_such_a_job_is(
    workspace: Workspace, table: Input, more: dict[str, Any], says: str
) -> None:
    made = workspace.client.components.create_or_update(step("lonely", "true", before=Input(type="uri_folder")))
    body = {"jobType": "Pipeline", "jobs": {"one": {"type": "command", "componentId": made.id, **more}}}
    answer = workspace.request("PUT", f"{workspace.id}/jobs/several", json={"properties": body})
    assert (answer.status_code, says in answer.json()["error"]["message"]) == (501, True), answer.text
