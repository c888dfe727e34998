"""What goes with a resource when it is deleted or replaced: nothing that the program declares brings it back."""

from __future__ import annotations

from dataclasses import dataclass

from review.plan import Op, Plan, Step

AZURE = "azure-native:"
DATA = {  # the worst first
    "resources:ResourceGroup": "everything in the group, what others put there too",
    "storage:StorageAccount": "every blob, file and queue in it",
    "storage:BlobContainer": "every blob in it",
    "storage:FileShare": "every file in it",
    "storage:Queue": "the messages that wait in it",
    "keyvault:Vault": "its keys and secrets (until it is purged they can be recovered)",
    "keyvault:Key": "the key, and what only it can decrypt",
    "keyvault:Secret": "the secret's versions",
    "sql:Server": "every database on it",
    "sql:Database": "every row in it",
    "machinelearningservices:Workspace": "models, jobs, metrics, data versions and endpoints in it",
    "machinelearningservices:Registry": "models and environments in it",
    "machinelearningservices:ComputeInstance": "files on its disk",
    "containerregistry:Registry": "every image in it, those that serve now too",
    "databricks:Workspace": "notebooks, clusters, job history and its own storage",
    "operationalinsights:Workspace": "every log in it (14 days to recover it)",
    "applicationinsights:Component": "its telemetry and its connection string",
    "iothub:IotHubResource": "device identities, twins and what waits in it",
    "deviceprovisioningservices:IotDpsResource": "the enrolments of its devices",
    "containerservice:ManagedCluster": "every workload and volume in it",
    "datafactory:Factory": "its run history and what was made in the portal",
}
SERVICE = {
    "machinelearningservices:OnlineEndpoint": "its address, its keys and its deployments: callers get errors meanwhile",
    "machinelearningservices:BatchEndpoint": "its address and its deployments",
    "machinelearningservices:Compute": "running jobs on it",
    "managedidentity:UserAssignedIdentity": "its principal id, and every role given to that by hand",
    "containerservice:AgentPool": "pods on it are moved",
    "network:VirtualNetwork": "connections of everything in it",
    "network:PrivateEndpoint": "its private address",
    "eventgrid:SystemTopic": "events that happen meanwhile",
    "eventgrid:SystemTopicEventSubscription": "events that happen meanwhile",
    "logic:Workflow": "its run history",
    "monitor:DiagnosticSetting": "logs of what happens meanwhile",
}
OWN = {
    "Rollout": "its address and what serves there: callers get errors",
    "DataVersion": "nothing: the version is archived",
    "TrainingJob": "nothing: a running job is cancelled, one that ended is archived",
    "QualityGate": "nothing: its evaluation is archived",
    "ModelVersion": "nothing: the version is archived",
    "ContainerImage": "nothing: the image stays in the registry",
    "ImportedImage": "nothing: the image stays in the registry",
    "PromotedModel": "nothing: the copy stays in the storage",
    "Retention": "jobs, models and data versions of the system, for good",
    "SoftDeleteGuard": "nothing",
}


@dataclass(frozen=True, order=True)
class Loss:
    """`data`: it holds what nobody can make again. `what` is "" where nothing is lost but the resource itself."""

    data: bool
    what: str
    weight: int = 0
    """Less is worse, among what holds data."""


def loss(step: Step) -> Loss:
    """What goes with a resource that is deleted or replaced."""
    if step.own:
        forever = step.kind == "Retention" and step.op is Op.DELETE
        return Loss(forever, OWN.get(step.kind, "") if step.op is Op.DELETE or step.kind == "Rollout" else "")
    kind = step.type.removeprefix(AZURE)
    if kind in DATA:
        return Loss(True, DATA[kind], list(DATA).index(kind))
    return Loss(False, SERVICE.get(kind, ""))


def worst_first(step: Step) -> tuple[int, str]:
    """The order in which losses are told."""
    return loss(step).weight, step.name


def undo(plan: Plan) -> list[str]:
    """What reverting the change would not bring back, or would take away; nothing where a revert puts all back."""
    made = [step for step in plan.of(Op.CREATE) if step.type.removeprefix(AZURE) in DATA]
    gone = sorted((step for step in plan.of(Op.DELETE, Op.REPLACE) if loss(step).data), key=worst_first)
    jobs = [step for step in plan.of(Op.REPLACE) if step.kind == "TrainingJob"]
    said = [f"`{step.name}` comes back empty: {loss(step).what}" for step in gone]
    said += [f"`{step.name}` goes again, with {DATA[step.type.removeprefix(AZURE)]}" for step in made]
    said += [
        f"{step.new.get('system')}: the job of now is taken up again by its digest, nothing trains a second time"
        for step in jobs
    ]
    return said
