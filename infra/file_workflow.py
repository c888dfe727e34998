"""What the Logic App of the part `file_trigger` does, in Azure's Workflow Definition Language.

It takes messages from the queue, starts a job for each, and deletes those whose job has been started. A message that it
does not delete comes back: the queue is all that is remembered, so a run that dies loses nothing. The price is that a
job may be started twice for a file, when it was started and the message could not be deleted.

Functions: "Reference guide to workflow expression functions in Azure Logic Apps". Requests: "Queue service REST API",
and "Create jobs and input data for batch endpoints".
"""

from __future__ import annotations

from typing import Any

SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
MACHINE_LEARNING = "https://ml.azure.com"
"""Whom a token for a batch endpoint is for."""
SUBJECT = "/blobServices/default/containers/{container}/blobs/"
"""What the subject of an event of a storage account begins with; the file's path in its container follows."""
INPUT = "file"
"""The name of the file among a job's inputs. A deployment of a model takes any, one of a pipeline its own."""
MOST_MESSAGES = 32
"""The queue gives no more at once."""
HIDDEN_SECONDS = 300
"""How long a message is nobody else's: longer than a run takes, and the pause between two attempts."""
STORAGE_HEADERS = {"x-ms-version": "2021-12-02", "x-ms-date": "@{formatDateTime(utcNow(), 'R')}"}
PARAMETERS = {
    "queues": "String",
    "queue": "String",
    "poisonQueue": "String",
    "maxAttempts": "Int",
    "subject": "String",
    "datastore": "String",
    "endpoint": "String",
}
"""By name: what a workflow is told when it is made, and of which type it is."""
MESSAGES = "xml(body('Get_messages'))"
COUNT = f"int(xpath({MESSAGES}, 'string(count(/QueueMessagesList/QueueMessage))'))"


def definition(interval_minutes: int) -> dict[str, Any]:
    """The workflow; its values are `PARAMETERS`."""
    recurrence = {"frequency": "Minute", "interval": interval_minutes}
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"type": type_} for name, type_ in PARAMETERS.items()},
        "triggers": {"Every_few_minutes": {"type": "Recurrence", "recurrence": recurrence}},
        "actions": {
            "Get_messages": _storage(
                "GET", "queue", f"?numofmessages={MOST_MESSAGES}&visibilitytimeout={HIDDEN_SECONDS}"
            ),
            "If_there_are_any": {
                "type": "If",
                "runAfter": {"Get_messages": ["Succeeded"]},
                "expression": {"and": [{"greater": [f"@{COUNT}", 0]}]},
                "actions": {
                    "For_each_message": {
                        "type": "Foreach",
                        "foreach": f"@range(1, {COUNT})",
                        "actions": _for_a_message(),
                        "runAfter": {},
                    }
                },
            },
        },
        "outputs": {},
    }


def _for_a_message() -> dict[str, Any]:
    """Deletes the message after either branch, and after none that failed. What is in it is looked at where the job is
    started and no sooner: a message that nobody understands fails there, and is put aside in the end.
    """
    message = {
        "id": f"@{_field('MessageId')}",
        "receipt": f"@{_field('PopReceipt')}",
        "attempt": f"@int({_field('DequeueCount')})",
        "text": f"@{_field('MessageText')}",
    }
    return {
        "Message": {"type": "Compose", "inputs": message, "runAfter": {}},
        "If_it_failed_too_often": {
            "type": "If",
            "runAfter": {"Message": ["Succeeded"]},
            "expression": {"and": [{"greater": ["@outputs('Message')['attempt']", "@parameters('maxAttempts')"]}]},
            "actions": {"Put_aside": _put_aside()},
            "else": {"actions": {"Start_job": _start_job()}},
        },
        "Delete_message": _storage(
            "DELETE",
            "queue",
            "/@{outputs('Message')['id']}?popreceipt=@{encodeUriComponent(outputs('Message')['receipt'])}",
            after={"If_it_failed_too_often": ["Succeeded"]},
        ),
    }


def _field(name: str) -> str:
    """An element of the message that the loop is at."""
    place = "string(items('For_each_message'))"
    return f"xpath({MESSAGES}, concat('string(/QueueMessagesList/QueueMessage[', {place}, ']/{name})'))"


def _storage(method: str, queue: str, rest: str, *, after: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """A request about the messages of a queue, with a token for this one account."""
    return {
        "type": "Http",
        "inputs": {
            "method": method,
            "uri": f"@{{parameters('queues')}}/@{{parameters('{queue}')}}/messages{rest}",
            "headers": STORAGE_HEADERS,
            "authentication": _as_itself("@parameters('queues')"),
        },
        "runAfter": after or {},
    }


def _put_aside() -> dict[str, Any]:
    """The message as it is, for ever."""
    action = _storage("POST", "poisonQueue", "?messagettl=-1")
    action["inputs"]["headers"] = {**STORAGE_HEADERS, "Content-Type": "application/xml"}
    action["inputs"]["body"] = "<QueueMessage><MessageText>@{outputs('Message')['text']}</MessageText></QueueMessage>"
    return action


def _start_job() -> dict[str, Any]:
    """Invokes the endpoint's default deployment. Not tried again here: that is what the queue does."""
    event = "json(base64ToString(outputs('Message')['text']))"
    path = f"substring({event}['subject'], length(parameters('subject')))"
    file = {"JobInputType": "UriFile", "Uri": f"@{{parameters('datastore')}}/@{{{path}}}"}
    return {
        "type": "Http",
        "inputs": {
            "method": "POST",
            "uri": "@parameters('endpoint')",
            "headers": {"Content-Type": "application/json"},
            "body": {"properties": {"InputData": {INPUT: file}}},
            "authentication": _as_itself(MACHINE_LEARNING),
            "retryPolicy": {"type": "none"},
        },
        # Else an answer of 202 would be waited for until the job is done.
        "operationOptions": "DisableAsyncPattern",
        "runAfter": {},
    }


def _as_itself(audience: str) -> dict[str, str]:
    """Signed in with the workflow's system-assigned identity: Azure gets the token, and nobody sees it."""
    return {"type": "ManagedServiceIdentity", "audience": audience}
