"""Kinds of trainer, one package each: `settings.py` has the hyperparameters and needs nothing but the standard library;
`trainer.py` trains, inside jobs. Both are found by the kind's name, so that a job holds its own kind only.
"""
