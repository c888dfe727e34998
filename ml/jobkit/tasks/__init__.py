"""Kinds of task, one package each: `contract.py` says what everybody knows of it and needs nothing but the standard
library; `task.py` does the work inside jobs. Both are found by the kind's name, so that a job holds its own kind only.
"""
