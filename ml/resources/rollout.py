"""`Rollout`: brings a new image to an endpoint step by step, and back by itself when it is not good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

from ml.clients.arm import manner
from ml.identity.values import Properties
from ml.progress import Failure, status, wait
from ml.resources.base import InputError, Provider, Resource, unknown
from ml.rollout.core.plan import WHOLE
from ml.rollout.core.ports import Target
from ml.rollout.core.record import recorded
from ml.rollout.core.refusal import compare_champion, refuse_rejected
from ml.rollout.core.run import RolloutRun, observe
from ml.rollout.core.writer import last_writer, writer
from ml.rollout.sites import CONTAINER_GROUP, to_site, to_target
from ml.rollout.trials.trials import trials


def patiently(seconds: float, why: str) -> None:
    """Waits for what may pass: says so on the resource's row, and ends when the person presses Ctrl-C."""
    status(why)
    wait(seconds)


class RolloutProvider(Provider):
    """Identity: the endpoint. A new image, or another size of machine, is an update.

    Whatever a killed run has left is taken up or put back by the next one; a failed update leaves the inputs in the
    state as they were, so the next `up` calls it again, and it refuses what was rejected.
    """

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system", "endpoint")
    ignored: ClassVar[tuple[str, ...]] = (
        "sha256",  # follows from the version
        "stages",
        "stageSeconds",
        "readySeconds",
        "load",
        "staging",
        "endpointId",
        "applicationInsightsId",
        "identityClientId",
    )

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """Stages rise and stay below 100; the image is named by its digest."""
        stages, image = inputs["stages"], inputs["image"]
        if not unknown(stages) and (list(stages) != sorted(set(stages)) or any(not 0 < one < 100 for one in stages)):
            raise InputError("stages", f"{stages} must rise and lie between 1 and 99, such as [10, 50]")
        if isinstance(image, str) and "@sha256:" not in image:
            raise InputError("image", f"'{image}' must name its digest: <registry>/<repository>@sha256:...")
        if inputs.get("target") not in (None, CONTAINER_GROUP):
            raise InputError("target", f"'{inputs['target']}' is no target: leave it out, or write {CONTAINER_GROUP}")
        if inputs.get("target") and inputs["instances"] != 1:
            fix = "write `serving: {instances: 1}` for this system in the stack file"
            said = f"{inputs['instances']} is too many, because a container group is one instance: {fix}"
            raise InputError("instances", said)
        return inputs

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Brings the image to the endpoint, or finds that it serves."""
        return f"{inputs['system']}@{inputs['endpoint']}", bring(inputs, None)

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """The same, for an image that takes over from another."""
        return bring(inputs, old.get("serving"))

    def problem(self, properties: Properties) -> str:
        """The champion does not serve alone, for whatever reason. After a rollback it does, in a version that is not
        the state's: only a refresh makes a difference of that.
        """
        wrong = to_site(properties).trouble()
        return f"{wrong}: the rollout puts that right" if wrong else ""

    @manner(pause=patiently)
    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """What serves now. Version and image follow it too, so that the next `up` sees a difference to what is wanted:
        after a rollback, or when a rollout was cut off in between.
        """
        site = to_site(properties)
        if not site.exists():
            return None
        seen = observe(site.endpoint, site.models)
        whole = [name for name, share in seen.traffic.items() if share == WHOLE]
        found = seen.deployments.get(whole[0]) if whole else None
        if found is None or found.version != seen.champion:
            between = {"deployment": None, "version": None, "image": None}
            return {**site.addresses(), "serving": seen.champion, **between}
        now = {"serving": found.version, "deployment": found.name, "version": found.version, "image": found.image}
        return {**site.addresses(), **now}

    @manner(pause=patiently)
    def release(self, identifier: str, properties: Properties) -> None:
        """Nothing serves any more: traffic, deployments, what is left in staging, and the champion's tag go."""
        site = to_site(properties)
        if site.workspace.get() is None:
            return
        if not site.exists():
            site.models.uncrown()
            return
        target = to_target(properties)
        with last_writer(site, properties["system"], about(target, "destroying")) as ports:
            ports.endpoint.set_traffic({})
            for deployment in ports.endpoint.deployments():
                status(f"removing {deployment.name}")
                ports.endpoint.remove(deployment.name)
            with trials(properties, site, target, ports.lease) as left:
                left.tidy()
            site.dismantle()
            ports.models.uncrown()


@manner(pause=patiently)
def bring(inputs: Properties, planned: int | None) -> Properties:
    """One rollout: outputs when it ended well.

    Args:
        planned: the version that served when this update was planned; None for the first rollout.

    Raises:
        Failure: it did not; the message says what serves and what to do.
    """
    site, target = to_site(inputs), to_target(inputs)
    if missing := site.missing():
        raise Failure(missing)
    with writer(site, inputs["system"], about(target, f"rolling out version {target.version}")) as ports:
        site.work_under(ports.lease)
        refuse_rejected(ports, target)
        compare_champion(ports.models.champion(), planned, target)
        with trials(inputs, site, target, ports.lease) as candidate:
            run = RolloutRun(target, ports, candidate, inputs["stages"])
            ports.lease.check()
            site.settle()
            with recorded(site, run):
                run.run()
        site.scale(target.deployment, inputs["instances"])
    return {**site.addresses(), "serving": target.version, "deployment": target.deployment}


def about(target: Target, doing: str) -> dict[str, str]:
    """What the lock tells others, `make rollback` above all."""
    return {"doing": doing, "version": str(target.version), "image": target.image, "deployment": target.deployment}


class Rollout(Resource, module="ml", name="Rollout"):
    """What serves at one endpoint. `serving` is the version, `scoringUri` where clients ask it.

    Args:
        image: reference by digest, of the container image with this version of the model.
        endpoint: name of the online endpoint; its deployments and its traffic belong to this resource alone. Of
            container groups: the name of the gateway's group, and of its public address.
        target: `container_group`; none for an online endpoint.
        staging: where the image is tried alone: `resourceGroupName`, `location`, `identityId` (pulls the image),
            `registryServer`, what of `cpu` and `memoryGb` is not the default, and `subnetId` where it has no public
            address.
        stages: percent of the traffic, one stage after the other; 100 follows.
        stage_seconds: how long each stage is watched. Azure's metrics come minutes late: at least 300 there.
        ready_seconds: how long a server may take from its start until it is ready.
        load: what a candidate has to bear: `requests`, `concurrency`, `seconds`, `answerSeconds`; what is left out
            follows from how fast it answers.
    """

    outputs: ClassVar[tuple[str, ...]] = ("serving", "deployment", "scoringUri", "openApiUri")

    image: pulumi.Output[str]
    serving: pulumi.Output[int]
    deployment: pulumi.Output[str]
    scoringUri: pulumi.Output[str]  # noqa: N815 - the name in the state
    openApiUri: pulumi.Output[str]  # noqa: N815

    def __init__(
        self,
        name: str,
        *,
        system: str,
        model: str,
        version: pulumi.Input[int],
        sha256: pulumi.Input[str],
        image: pulumi.Input[str],
        workspace: Mapping[str, pulumi.Input[str]],
        endpoint: pulumi.Input[str],
        endpoint_id: pulumi.Input[str] | None = None,
        staging: Mapping[str, pulumi.Input[Any]],
        application_insights_id: pulumi.Input[str] | None = None,
        identity_client_id: pulumi.Input[str] | None = None,
        stages: Sequence[int] = (10, 50),
        stage_seconds: int = 600,
        ready_seconds: int = 120,
        load: Mapping[str, float] | None = None,
        instance_type: str = "Standard_DS2_v2",
        instances: int = 1,
        target: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs: dict[str, Any] = {
            "system": system,
            "model": model,
            "version": version,
            "sha256": sha256,
            "image": image,
            "workspace": workspace,
            "endpoint": endpoint,
            "endpointId": endpoint_id,
            "staging": staging,
            "applicationInsightsId": application_insights_id,
            "identityClientId": identity_client_id,
            "stages": list(stages),
            "stageSeconds": stage_seconds,
            "readySeconds": ready_seconds,
            "load": dict(load) if load else None,
            "instanceType": instance_type,
            "instances": instances,
            "target": target,
        }
        # The champion's tag is one for all endpoints: the old resource must not take it from its successor.
        first = pulumi.ResourceOptions(delete_before_replace=True)
        super().__init__(RolloutProvider(), name, inputs, pulumi.ResourceOptions.merge(opts, first))
