"""Storage accounts, SQL databases, Databricks workspaces."""

from __future__ import annotations

from collections.abc import Iterator

from policies.prices import meters
from policies.prices.meters import HOURS
from policies.prices.pricing import (
    Amount,
    Item,
    Plan,
    Pricer,
    Unpriced,
    Use,
    between,
    last_word,
    machine_hours,
    number,
    text,
)
from policies.view import View

LOG_SHARE = 1.3
"""Storage for a database's log comes on top of its data's and is paid for too:
https://learn.microsoft.com/azure/azure-sql/database/service-tiers-sql-database-vcore.
"""
GIGABYTE = 1024**3
DATABRICKS_NODE = "Standard_D4ds_v5"
"""The machine that is assumed where nothing in the plan names one."""


def account(one: View, plan: Plan) -> Iterator[Item]:
    """What is stored, and what is done with it. Premium accounts and the cooler tiers are none that we declare."""
    copies = text(one, "sku.name", "Standard_LRS").removeprefix("Standard_")
    lake = one.get("isHnsEnabled") is True
    if (copies, lake) not in meters.STORED:
        yield Unpriced(f"storage, {copies}", f"policies/prices/meters.py has no storage {copies}")
        return
    kind = "lake" if lake else "storage"
    yield Use(f"stored, {copies}", meters.STORED[copies, lake], plan.assume(f"{kind}.gigabytes", one))
    yield Use("operations that write", meters.WRITTEN[copies, lake], plan.assume(f"{kind}.writes", one))
    yield Use("operations that read", meters.READ[copies, lake], plan.assume(f"{kind}.reads", one))


def database(one: View, plan: Plan) -> Iterator[Item]:
    """A serverless database: cores by the second while it is active, its most storage all the time."""
    sku = text(one, "sku.name")
    if not sku.startswith("GP_S_Gen5"):
        yield Unpriced(f"database, {sku}", f"policies/prices/kinds/data.py does not know the SKU {sku}")
        return
    yield from _cores(one, plan)
    gigabytes = number(one, "maxSizeBytes", 32 * GIGABYTE) / GIGABYTE
    yield Use("storage for data and log", meters.SQL_STORED, Amount.of(gigabytes * LOG_SHARE), fixed=True)
    kept = plan.assume("sql.backup_share", one) * gigabytes
    redundancy = text(one, "requestedBackupStorageRedundancy", "Geo")
    if redundancy in meters.SQL_BACKUP:
        yield Use(f"backups beyond the free ones, {redundancy}", meters.SQL_BACKUP[redundancy], kept)
    else:
        yield Unpriced(
            f"backups beyond the free ones, {redundancy}", f"policies/prices/meters.py has no backups {redundancy}"
        )


def _cores(one: View, plan: Plan) -> Iterator[Item]:
    """One that never pauses is billed for its least cores while nothing happens."""
    most, least = number(one, "sku.capacity", 2), number(one, "minCapacity", 0.5)
    active = plan.assume("sql.active_hours", one).at_most(HOURS)
    at_work = plan.assume("sql.share_of_cores", one) * most
    if number(one, "autoPauseDelay", 60) > 0:
        yield Use(f"cores while it is not paused, at most {most:g}", meters.SQL_CORES, active * at_work)
        return
    yield Use("least cores, for it never pauses", meters.SQL_CORES, Amount.of(HOURS * least), fixed=True)
    more = at_work.beyond(least)
    yield Use(f"more cores while it is active, at most {most:g}", meters.SQL_CORES, active * more)


def databricks(one: View, plan: Plan) -> Iterator[Item]:
    """DBUs and machines of job clusters; where the workspace makes its own network, the way out of it."""
    if (sku := text(one, "sku.name", "premium")) != "premium":
        yield Unpriced(f"DBUs, {sku}", f"policies/prices/meters.py has no DBUs of the tier {sku}")
        return
    size, least, most = _cluster(one, plan)
    workers = between(least, most, plan.assume("databricks.share_of_scale", one))
    hours = plan.assume("databricks.hours", one) * (workers + 1)
    yield machine_hours(f"machines of clusters, {least:g} to {most:g} workers and a driver", size, hours)
    yield Use("DBUs of jobs", meters.DATABRICKS["jobs"], hours * plan.assume("databricks.dbu", one))
    yield Use("storage that it makes", meters.STORED["GRS", False], plan.assume("databricks.gigabytes", one))
    if one.get("parameters.enableNoPublicIp.value") is True and not one.has("parameters.customVirtualNetworkId"):
        yield Use("NAT gateway of its own network", meters.NAT, Amount.of(HOURS), fixed=True)
        yield Use("public address of that gateway", meters.ADDRESS, Amount.of(HOURS), fixed=True)


def _cluster(one: View, plan: Plan) -> tuple[str, float, float]:
    """Size and workers of the clusters that the plan's data factory starts in it."""
    name = text(one, "workspaceName")
    for link in plan.of("datafactory:LinkedService"):
        at = link.get("properties.workspaceResourceId") if link.get("properties.type") == "AzureDatabricks" else None
        if at and last_word(str(at)) == name:
            least, _, most = text(link, "properties.newClusterNumOfWorker", "1").partition(":")
            return text(link, "properties.newClusterNodeType", DATABRICKS_NODE), float(least), float(most or least)
    return DATABRICKS_NODE, 1.0, 2.0


PRICERS: dict[str, Pricer] = {
    "storage:StorageAccount": account,
    "sql:Database": database,
    "databricks:Workspace": databricks,
}
