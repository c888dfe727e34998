"""Who will leave the company: what the personnel records say of an employee, and whether the employee left."""

from ml.system import SystemSpec, automl, binary, files, online_endpoint

SYSTEM = SystemSpec(
    task=binary(floors={"auc": 0.75}),
    trainer=automl(trials=40),
    data=files(name="employees", rows=1_500),
    target=online_endpoint(),
)
