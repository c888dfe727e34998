"""How much electricity New York City will use in each of the next 48 hours, from the last four weeks."""

from ml.system import SystemSpec, files, forecast, lightgbm, online_endpoint

SYSTEM = SystemSpec(
    task=forecast(horizon=48, holidays="united_states", coverage=0.9, floors={"mape": 5.0, "improvement": 0.35}),
    trainer=lightgbm(rounds=400, learning_rate=0.05, num_leaves=31, feature_fraction=0.6, loss="absolute"),
    data=files(name="demand", rows=30_000),
    target=online_endpoint(),
)
