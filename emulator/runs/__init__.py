"""Runs: whatever is submitted, takes its time, can be canceled, and is taken up again after a crash.

Jobs of Azure ML and their steps, builds of a registry and imports into it are runs. A run is an ARM document; its state
is `properties.status` (each service has its own words, given as `States`) and what `private` says beside it:

- `cancel`: somebody asked for its end, which is on disk before the answer;
- `parent`: the name of the run whose child it is;
- `began`, `ended`: seconds since the epoch; `error`: `{code, message}` of a failure.

A service makes one `Runs` (`scheduler.py`) for a resource type and says, by a `RunKind` (`kind.py`), what is particular
to each kind of run. There are three bases to take:

| base | for | survives a restart because |
|---|---|---|
| `RunKind` | work in a thread of the emulator | `start` is repeated, so it must be safe to repeat |
| `ProcessKind` | a process of its own | the process goes on, and `adopt` finds it again |
| `ParentKind` | pipelines, sweeps: runs made of runs | children are documents with the parent's name |

The way of a run: `Runs.submit` (document stored before) -> waiting for a free place -> `start`, in the pool -> `watch`,
five times a second, until it says that the run is over -> `finish`, in the pool, which gives the final status.
`Runs.cancel` asks for the end of a run and of its children; a run that waits goes to `finish(canceled=True)` at once.
`Runs.reconcile` takes up, at every start, what an earlier process left: a run that `adopt` finds going is watched, any
other begins anew.
"""
