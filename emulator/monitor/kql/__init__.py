"""The Kusto query language, as much of it as this emulator answers: text in, one SQLite statement out.

The subset is frozen: it has what this project's own queries and dashboards ask, and grows no more. What it has not is
refused by name.
"""
