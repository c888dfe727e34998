"""How long a support ticket will take, from what is known when it is opened."""

from ml.system import SystemSpec, container_group, generated, lightgbm, regression

SYSTEM = SystemSpec(
    task=regression(floors={"nrmse": 0.08, "r2": 0.6}),
    trainer=lightgbm(rounds=300, learning_rate=0.05, num_leaves=12, min_data_in_leaf=30),
    data=generated(name="tickets", rows=12_000),
    target=container_group(),
)
