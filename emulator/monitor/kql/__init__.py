"""The Kusto query language, as much of it as this emulator answers: text in, one SQLite statement out."""
