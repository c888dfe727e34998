"""Azure Machine Learning: workspaces and their assets, jobs that really run, run history, and a real MLflow server."""
