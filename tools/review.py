"""`make review`: what a change does to a stack. Runs the engine, asks rules, prices and Azure Policy, and has `review/`
put it together.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from policies.catalogue import rules
from policies.configuration import Configuration
from policies.judgement import judge
from policies.rules.cost import with_baseline
from policies.rules.retirement import VERSIONS, with_versions
from review import assemble, document, markdown
from review.access import Role
from review.plan import Plan, messages, read
from review.redact import Redactor
from review.rehearsed import with_rehearsal
from review.report import Freshness, Report, StackReview
from tools import review_facts as facts
from tools import shell, throwaway
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.rehearsal.configuration import require_system
from tools.rehearsal.run import Wanted, rehearse
from tools.role_words import WORDS
from tools.stacks import PROJECT, Stack, stack_names
from tools.throwaway import Checkout
from tools.versions import ROOT

ALL = "all"
Planned = tuple[dict[str, Any], list[dict[str, Any]], str, str]
"""The engine's document, the resources that it was held against, why there is none, and which state that was."""
SHORT = 10
ENGINE = "an unhandled error occurred: the program ended with exit code"
"""What the engine adds to the program's own words."""


@dataclass(frozen=True)
class Review:
    """What a person asked for. `public`: whoever reads the comment may be anybody."""

    base: str
    head: Checkout = field(default_factory=lambda: Checkout(ROOT))
    public: bool = False
    today: dt.date | None = None
    """The day on which rules judge: another one than today's gives another review."""
    live: bool = False
    """Whether it is held against the stack's own state instead of what BASE would make."""
    rehearsal: Wanted | None = None
    """Whether BASE and then the change are brought up for real on an emulator, and how."""

    def of(self, names: list[str]) -> Report:
        """The review of these stacks.

        Raises:
            SetupError: BASE is no commit, no checkout has a stack of a name, or no stack the system to rehearse.
        """
        commit = throwaway.commit_of(self.base)
        if self.rehearsal is not None:
            require_system(self.rehearsal.system, [stack for name in names if (stack := self.head.stack(name))])
        return Report(PROJECT, tuple(self._stack(name, commit) for name in names))

    def _stack(self, name: str, commit: str) -> StackReview:
        fresh, redactor = freshness(self.base, commit, self.head, live=self.live), Redactor(public=self.public)
        stack = self.head.stack(name)
        if stack is None:
            raise SetupError(f"STACK={name}: there is no stacks/Pulumi.{name}.yaml in this checkout")
        try:
            planned, before, problem, serial = self._live(stack) if self.live else self._offline(name, stack, commit)
        except SetupError as error:
            return assemble.failed(PROJECT, name, fresh, [str(error)], redactor)
        if problem:
            said = [one for one in messages(planned) if one.startswith("error") and ENGINE not in one] or [problem]
            return assemble.failed(PROJECT, name, fresh, said, redactor)
        if self.live:
            fresh = replace(fresh, state=serial)
        review = assemble.review(found(stack, commit, read(planned, before), fresh, self.today), redactor)
        if self.rehearsal is None:
            return review
        return with_rehearsal(review, rehearse(name, commit, self.head, self.rehearsal))

    def _offline(self, name: str, stack: Stack, commit: str) -> Planned:
        state = throwaway.state_of(commit, name)
        planned, problem = throwaway.plan(self.head, stack, state)
        return planned, throwaway.resources(state), problem, ""

    def _live(self, stack: Stack) -> Planned:
        pulumi = Pulumi(stack, shell.environment(stack), self.head.root)
        if not pulumi.exists():
            raise SetupError(f"stack {stack.name} has no state yet in your backend: leave LIVE=1 out")
        before = pulumi.snapshot()
        planned, problem = throwaway.run_preview(pulumi, [])
        return planned, list(before.get("resources") or []), problem, written_at(before)


def found(stack: Stack, commit: str, plan: Plan, fresh: Freshness, today: dt.date | None = None) -> assemble.Found:
    """What everybody says of a plan."""
    from ml.resources.training_job import reasons

    after, before = dict(stack.configuration().get("config") or {}), configuration_of(commit, stack)
    now, then = (judged_on(today, one) for one in (after, before))
    if versions := throwaway.git("show", f"{commit}:{VERSIONS.relative_to(ROOT)}").stdout:
        then = with_versions(then, versions)
    cost_after, why = facts.costs(plan.after, now)
    cost_before, _ = facts.costs(plan.before, then)
    if cost_before is not None and plan.before:  # what a change costs is measured against BASE
        now = with_baseline(now, cost_before.total.expected)
    source, unasked = facts.definitions()
    return assemble.Found(
        project=PROJECT,
        stack=stack.name,
        freshness=fresh,
        plan=plan,
        settings=tuple(differing(before, after)),
        rules_before=tuple(judge(rules(), plan.before, then)),
        rules_after=tuple(judge(rules(), plan.after, now)),
        verdicts_before=facts.verdicts(plan.before, source, then),
        verdicts_after=facts.verdicts(plan.after, source, now),
        cost_before=cost_before,
        cost_after=cost_after,
        endings_before=facts.endings(plan.before, then),
        endings_after=facts.endings(plan.after, now),
        roles={identifier: Role(words.name, words.allows) for identifier, words in WORDS.items()},
        reasons=reasons,
        price=facts.job_price(plan.after, now),
        left_out=tuple(one for one in (*left_out(after, live=fresh.live), why, unasked) if one),
    )


def judged_on(today: dt.date | None, config: Mapping[str, Any]) -> Configuration:
    """A configuration, and the day on which rules judge it."""
    found = Configuration.from_stack(config)
    return replace(found, today=today) if today else found


def configuration_of(commit: str, stack: Stack) -> dict[str, Any]:
    """The configuration of a stack in a commit; nothing where it had no such stack."""
    import yaml

    done = throwaway.git("show", f"{commit}:stacks/{stack.file.name}")
    content = yaml.safe_load(done.stdout) if not done.returncode else {}
    return dict((content or {}).get("config") or {})


def differing(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Keys whose values differ, with dots: never a value."""
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        here = f"{path}.{key}" if path else str(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and "secure" not in {*old, *new}:
            yield from differing(old, new, here)
        elif old != new:
            yield here


def left_out(config: Mapping[str, Any], *, live: bool) -> Iterator[str]:
    """What a review without an account cannot look at."""
    if live:
        yield "What somebody changed by hand in Azure since the last refresh is not known here."
        return
    if f"{PROJECT}:existing" in config:
        yield f"What the stack takes over (`{PROJECT}:existing`) is reviewed as if the stack made it."
    yield "What somebody changed by hand in Azure, and what serves now, is not known here."


def freshness(base: str, commit: str, head: Checkout, *, live: bool = False) -> Freshness:
    """What is held against what, and whether BASE has moved on since the branch left it."""
    counted = throwaway.git("rev-list", "--count", f"HEAD..{commit}", root=head.root)
    mine = throwaway.git("rev-parse", "HEAD", root=head.root).stdout.strip()
    changed = throwaway.git("status", "--porcelain", "--untracked-files=no", root=head.root).stdout.strip()
    return Freshness(
        base=f"{commit[:SHORT]} ({base})" if not commit.startswith(base) else commit[:SHORT],
        head=f"{mine[:SHORT] or 'This folder'}{' with uncommitted changes' if changed else ''}",
        live=live,
        behind=int(counted.stdout.strip() or 0) if not counted.returncode else 0,
    )


def written_at(snapshot: Mapping[str, Any]) -> str:
    """`written 2026-11-30 06:42:41.726881541 UTC`: every write of a state gives it another time; of backends
    only Pulumi's own counts them.
    """
    time = str((snapshot.get("manifest") or {}).get("time") or "")
    return f"written {time.replace('T', ' ').replace('Z', ' UTC')}" if time else ""


def wanted(stack: str) -> list[str]:
    """The names of the stacks that are meant: `all` is each that is on Azure."""
    if stack != ALL:
        return [stack]
    head = Checkout(ROOT)
    return [name for name in stack_names() if (one := head.stack(name)) is not None and not one.emulated]


def written(report: Report, folder: Path) -> tuple[str, Path, Path]:
    """The comment, and the files that hold it and the document."""
    redactor = Redactor()
    comment = redactor.text(markdown.render(report))
    name = report.stacks[0].stack if len(report.stacks) == 1 else ALL
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / f"review-{name}.md", folder / f"review-{name}.json"
    page.write_text(comment)
    data.write_text(redactor.text(document.text(report)))
    return comment, page, data


def is_public(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the comment may be read by anybody: said by PUBLIC=1."""
    return environment.get("PUBLIC", "") not in ("", "0", "no", "false")
