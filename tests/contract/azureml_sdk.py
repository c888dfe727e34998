"""azure-ai-ml as tests use it; at import it warns about its own use of what marshmallow deprecates."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from azure.ai.ml import Input, MLClient, Output, automl, command, dsl
    from azure.ai.ml._restclient.arm_ml_service.models import ScheduleListViewType
    from azure.ai.ml.constants import AssetTypes, ListViewType
    from azure.ai.ml.entities import (
        AccountKeyConfiguration,
        AmlCompute,
        AzureBlobDatastore,
        BuildContext,
        CodeConfiguration,
        Command,
        CronTrigger,
        Data,
        Environment,
        JobSchedule,
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        Model,
        OnlineRequestSettings,
        ProbeSettings,
        RecurrenceTrigger,
    )
    from azure.ai.ml.entities._assets import Code
    from azure.ai.ml.exceptions import MlException, ValidationException
    from azure.ai.ml.parallel import RunFunction, parallel_run_function
    from azure.ai.ml.sweep import BanditPolicy, Choice, Uniform

__all__ = [
    "AccountKeyConfiguration",
    "AmlCompute",
    "AssetTypes",
    "AzureBlobDatastore",
    "BanditPolicy",
    "BuildContext",
    "Choice",
    "Code",
    "CodeConfiguration",
    "Command",
    "CronTrigger",
    "Data",
    "Environment",
    "Input",
    "JobSchedule",
    "ListViewType",
    "MLClient",
    "ManagedOnlineDeployment",
    "ManagedOnlineEndpoint",
    "MlException",
    "Model",
    "OnlineRequestSettings",
    "Output",
    "ProbeSettings",
    "RecurrenceTrigger",
    "RunFunction",
    "ScheduleListViewType",
    "Uniform",
    "ValidationException",
    "automl",
    "command",
    "dsl",
    "parallel_run_function",
]
