"""Who will buy a bike: a card holder's next purchase, from what the card's form asked."""

from ml.system import SystemSpec, binary, files, lightgbm, online_endpoint

SYSTEM = SystemSpec(
    task=binary(floors={"auc": 0.80, "accuracy": 0.75}),
    trainer=lightgbm(
        rounds=200,
        learning_rate=0.06,
        num_leaves=127,
        min_data_in_leaf=5,
        feature_fraction=0.5,
    ),
    data=files(name="customers", rows=15_000),
    target=online_endpoint(),
)
