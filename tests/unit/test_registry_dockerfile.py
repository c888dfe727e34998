"""Dockerfiles: what is understood, and what is refused with its line."""

from __future__ import annotations

import pytest

from emulator.container_registry.dockerfile import DockerfileError, expand, parse

VARIABLES = {"a": "one", "empty": "", "PATH": "/bin"}


def test_comments_and_continued_lines_make_one_instruction() -> None:
    text = "# syntax=docker/dockerfile:1\n\nFROM scratch\nENV a=1 \\\n  # between\n\n    b='two words' \\\n    c=3\n"
    found = parse(text)
    assert [(one.line, one.name) for one in found] == [(3, "FROM"), (4, "ENV")]
    assert found[1].pairs({}) == {"a": "1", "b": "two words", "c": "3"}


def test_flags_come_off_the_front() -> None:
    copy = parse('FROM scratch\nCOPY --chown=1:2 --link a "b c" /d/\n')[1]
    flags, rest = copy.flags()
    assert flags == {"chown": "1:2", "link": ""}
    assert copy.words({}, rest) == ["a", "b c", "/d/"]


@pytest.mark.parametrize(
    ("value", "command"),
    [
        ('["python3", "-m", "app"]', ["python3", "-m", "app"]),
        ("python3 -m app", ["/bin/sh", "-c", "python3 -m app"]),
        ("['no', 'json']", ["/bin/sh", "-c", "['no', 'json']"]),
    ],
)
def test_commands_have_an_exec_and_a_shell_form(value: str, command: list[str]) -> None:
    assert parse(f"FROM scratch\nCMD {value}\n")[1].command() == command


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$a", "one"),
        ("${a}x", "onex"),
        ("/x:$PATH", "/x:/bin"),
        ("${none:-default}", "default"),
        ("${empty:-default}", "default"),
        ("${a:-default}", "one"),
        ("${a:+set}", "set"),
        ("${none:+set}", ""),
        (r"\$a", "$a"),
        ("$none", ""),
    ],
)
def test_variables(text: str, value: str) -> None:
    assert expand(text, VARIABLES) == value


def test_the_older_form_of_env_takes_the_rest_of_the_line() -> None:
    assert parse("FROM scratch\nENV greeting hello world\n")[1].pairs({}) == {"greeting": "hello world"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM scratch\n\nRUN pip install numpy\n", r"line 3: RUN is not built .*COPY it \('RUN pip install numpy'\)"),
        ("FROM a AS b\nFROM c\n", "line 2: FROM begins a second stage"),
        ("FROM scratch\nADD https://example.com/x /x\n", "line 2: ADD is not built"),
        ("FROM scratch\nONBUILD COPY a b\n", "line 2: ONBUILD is not built"),
        ("FROM scratch\nCOPY <<EOF /x\nhello\nEOF\n", "line 2: COPY from the Dockerfile itself"),
        ("FROM scratch\nCPOY a b\n", "line 2: CPOY is no instruction"),
        ("FROM scratch\nUSER\n", "line 2: USER needs a value"),
        ("ENV a=1\nFROM scratch\n", "line 1: ENV comes before FROM"),
        ("# nothing\n", "has no FROM"),
        ("FROM scratch\nENV a=1 \\\n", "line 2: the last line is continued"),
        ("# escape=`\nFROM scratch\n", "line 1: another escape character"),
    ],
)
def test_what_cannot_be_built_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(DockerfileError, match=says):
        parse(text)


@pytest.mark.parametrize("text", ["ENV a=1 b", "LABEL a b", "LABEL a"])
def test_pairs_need_an_equals_sign(text: str) -> None:
    step = parse(f"FROM scratch\n{text}\n")[1]
    with pytest.raises(DockerfileError, match=f"line 2: {step.name} needs name=value"):
        step.pairs({})


def test_an_open_quote_is_named() -> None:
    step = parse("FROM scratch\nLABEL a='b\n")[1]
    with pytest.raises(DockerfileError, match="line 2: LABEL cannot be read: No closing quotation"):
        step.pairs({})
