"""Pictures and explanations, by kind of task: shipped with a job and in no identity, so that another plot trains
nothing again. Found by the task's name (`ml/jobkit/report.py`).
"""
