"""Logs, alerts, and keys."""

from __future__ import annotations

from collections.abc import Iterator

from policies.prices import meters
from policies.prices.kinds.machine_learning import minutes
from policies.prices.meters import DAYS
from policies.prices.pricing import NO_AMOUNT, Amount, Item, Plan, Pricer, Unpriced, Use, entries, number, text
from policies.view import View

FREE_DAYS = 31
"""Days that logs are kept in the price of taking them: https://learn.microsoft.com/azure/azure-monitor/logs/cost-logs."""
KILOBYTES = 1_000_000
"""Of a gigabyte, as Azure bills it."""
LONG_KEY = 2048
"""Bits above which the uses of an RSA key cost more: https://azure.microsoft.com/pricing/details/key-vault."""


def logs(one: View, plan: Plan) -> Iterator[Item]:
    """What services and clusters send, and what every request to a system leaves, never more than its daily limit."""
    sent = plan.assume("logs.gigabytes", one) + _telemetry(one, plan)
    if any(True for _ in plan.of("containerservice:ManagedCluster")):
        sent = sent + plan.assume("logs.kubernetes_gigabytes", one)
    limit = number(one, "workspaceCapping.dailyQuotaGb", -1)
    taken = sent.at_most(limit * DAYS) if limit > 0 else sent
    yield Use(f"logs taken, at most {limit:g} GB a day" if limit > 0 else "logs taken", meters.LOGS, taken)
    kept = (number(one, "retentionInDays", 30) - FREE_DAYS) / DAYS
    if kept > 0:
        yield Use(f"logs kept beyond {FREE_DAYS} days", meters.LOGS_KEPT, taken * kept)


def _telemetry(one: View, plan: Plan) -> Amount:
    each = plan.assume("requests.count", one) * plan.assume("requests.kilobytes", one) * (1 / KILOBYTES)
    serving = sum(1 for _ in plan.of("ml:Rollout"))
    return each * serving if serving else NO_AMOUNT


def query_alert(one: View, plan: Plan) -> Iterator[Item]:
    """By how often it looks; each thing that it tells apart beyond the first costs a little more."""
    wanted = minutes(text(one, "evaluationFrequency", "PT5M"))
    often = max((found for found in meters.LOG_ALERTS if found <= wanted), default=min(meters.LOG_ALERTS))
    note = f"at the price of every {often} minutes, the longest that has one" if wanted > often else ""
    yield Use(f"looks every {_spoken(wanted)}", meters.LOG_ALERTS[often], Amount.of(1), fixed=True, note=note)
    if any(condition.get("dimensions") for condition in entries(one, "criteria.allOf")):
        series = plan.assume("alerts.series", one).beyond(1)
        yield Use("systems that it tells apart", meters.LOG_ALERT_SERIES[often], series)


def _spoken(found: float) -> str:
    return f"{found:g} minutes" if found < 1440 else f"{found / 1440:g} days" if found > 1440 else "day"


def metric_alert(one: View, plan: Plan) -> Iterator[Item]:
    """By the metrics that it looks at."""
    conditions = entries(one, "criteria.allOf")
    yield Use("metrics watched", meters.METRIC_ALERTS, Amount.of(max(1, len(conditions))), fixed=True)


def action_group(one: View, plan: Plan) -> Iterator[Item]:
    """By e-mail."""
    if receivers := len(entries(one, "emailReceivers")):
        yield Use("e-mails", meters.EMAILS, plan.assume("alerts.emails", one) * receivers)


def vault(one: View, plan: Plan) -> Iterator[Item]:
    """By its operations."""
    sku = text(one, "properties.sku.name", "standard").lower()
    if sku in meters.VAULT_OPERATIONS:
        yield Use("operations", meters.VAULT_OPERATIONS[sku], plan.assume("vault.operations", one))
    else:
        yield Unpriced("operations", f"policies/prices/meters.py has no vault {sku}")


def key(one: View, plan: Plan) -> Iterator[Item]:
    """By its uses."""
    long = number(one, "properties.keySize", LONG_KEY) > LONG_KEY or text(one, "properties.kty").startswith("EC")
    meter = meters.VAULT_LONG_KEYS if long else meters.VAULT_OPERATIONS["standard"]
    yield Use("uses of the key", meter, plan.assume("key.operations", one))


PRICERS: dict[str, Pricer] = {
    "operationalinsights:Workspace": logs,
    "monitor:ScheduledQueryRule": query_alert,
    "monitor:MetricAlert": metric_alert,
    "monitor:ActionGroup": action_group,
    "keyvault:Vault": vault,
    "keyvault:Key": key,
}
