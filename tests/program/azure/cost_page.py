"""What stacks cost, as a page: docs/cost.md."""

from __future__ import annotations

from collections.abc import Iterator

from policies.configuration import Configuration
from policies.prices.estimate import Estimate, Range
from policies.prices.estimator import estimate
from policies.prices.sheet import Sheet
from policies.prices.usage import Usage
from tests.program.azure.declared import Declared
from tests.program.azure.exports import plan_of
from tests.program.azure.stacks import declared
from tools.cost import money, parts

PAGE = """# What it costs

`make cost STACK=prod [PROFILE=private] [ALL=1]` says what a stack costs a month: low, expected and max, the parts that
cost most, what is unknown, and the assumptions that move the sum most. It works from the plan, as `make preview` does:
no account, no network, nothing made. `ALL=1` lists every resource with every line, the free ones with their reason.

{figures}

## What stands where

| file | what it says |
|---|---|
| `policies/prices/sheet.csv` | {rows} list prices in US dollars, each with its source and date |
| `policies/prices/usage.yaml` | {assumptions} assumptions, each with low, expected and max, and what it counts |
| `policies/prices/meters.py`, `machines.py` | the meters and machines that we use, as Azure's list spells them |
| `policies/prices/kinds/` | what each type of resource is paid for; `free.py` has what costs nothing, and why |
| `policies/prices/estimator.py` | `estimate(resources, usage, sheet)`, for verb, rules and review alike |

- **Fixed** is paid for being there, **usage** for what is used. **Free** has a reason. **Unknown** is never 0: it is in
  no sum, and is listed.
- A price is that of the stack's region, else the one that Azure has for all regions, else unknown. Databricks' are the
  exception that `usage.yaml` names with its reason (`other_regions`); an estimate that uses it says so.
- A quantity that is free each month (5 GB of logs, 100 GB out of Azure) is the subscription's: it is given to the stack
  once. In `max` other stacks have used it up. Discounts for volume are left out: no stack here gets near them.
- Limits bound the assumptions: nodes of a cluster, minutes of a job, gigabytes of logs a day, cores of a database.
- What scales to zero costs nothing while nothing runs: clusters have the hours of their jobs and the minutes they idle
  after each, notebook instances their hours and the idle time before they stop, databases the hours they are awake.
- Approved hosts (`private`) are let through by an Azure Firewall that Azure ML makes: it is in the workspace's line.

**Not in it**: tax, discounts, reservations, support; the Azure DevOps or GitHub side; snapshots somebody makes by hand;
the file share of notebooks (megabytes); and Databricks clusters that people start, which cost other DBUs than jobs.

## Other assumptions, other prices

```yaml
mlops:cost:
  usage:
    requests.count: [50000, 500000, 5000000]   # low, expected, max; one number where it is certain
    lake.gigabytes@lake: 250                   # for one resource alone, by its logical name
  hardLimit: 6000                              # what rule C-01 lets `max` reach
```

An unknown name fails and says what there is.

`make prices` asks Azure's public price list for exactly these meters, in the regions of the stacks and the sheet, and
writes the sheet anew: `git diff` shows what has changed. Prices that it does not find stay, with their older date.
Without a network nothing changes, and the message says so. `make prices FROM=table.csv` reads a table of such prices
instead. Prices older than 90 days are told with every estimate.

## What was really used

Of a stack that runs on this machine `make cost` also shows, from the last 30 days, its jobs and their minutes (from
Azure ML's run history), requests and their rows (from Application Insights), each beside what is assumed of a month. Of
a stack on Azure `MEASURED=1` does the same, with your login. Where they differ, write what you measured below
`mlops:cost.usage`.

## Rules about it

[policies/rules/cost.py](../policies/rules/cost.py), C-01 to C-19, holds a stack to its budget and its limits: what is
expected against `mlops:operations.monthlyBudget`, `max` against `mlops:cost.hardLimit`, a change against
`mlops:cost.baseline` (a review takes the base's estimate), sizes of machines against the price sheet and
`mlops:cost.machineSizes`, GPUs against exemptions, nodes and instances against `mostNodes` and `mostInstances`. Nothing
runs idle or without an end, and what has no price is told.

A new type of resource needs a line in `policies/prices/kinds/`; a test fails until it has one.
"""
ENVIRONMENTS = ("dev-open", "dev-hybrid", "dev-private", "prod-open", "prod-hybrid", "prod-private")
LARGEST = 6


def estimate_of(stack: Declared) -> Estimate:
    """What a recording of the program costs."""
    return estimate(plan_of(stack), config=Configuration(stack.config))


def cost_page(command: str) -> str:
    """The page; its figures follow from the program, the sheet and the assumptions."""
    figures = "\n".join(_figures(command))
    return PAGE.format(figures=figures, rows=len(Sheet.read().rows), assumptions=len(Usage.read().assumptions))


def _figures(command: str) -> Iterator[str]:
    found = {f"`{name.replace('-', '`, ')}": estimate_of(declared(name)) for name in ENVIRONMENTS}
    found["a small team's: one system, no parts"] = estimate_of(declared("small"))
    yield "## The stacks of this checkout"
    yield ""
    yield f"US dollars a month, all parts of the platform and one system. Written by `{command} cost.md`."
    yield ""
    yield "| stack | low | **expected** | max | fixed | largest parts, as expected |"
    yield "|---|--:|--:|--:|--:|---|"
    for name, one in found.items():
        largest = ", ".join(f"{part.name} {money(part.monthly.expected)}" for part in parts(one)[:LARGEST])
        yield f"| {name} | {_cells(one.total)} | {money(one.fixed.expected)} | {largest} |"


def _cells(total: Range) -> str:
    return f"{money(total.low)} | **{money(total.expected)}** | {money(total.max)}"
