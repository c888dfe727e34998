"""From the file to features and labels: one table with the label in a column of its own."""

from ml.jobkit import one_table

FILE = "support-tickets.csv"
prepare = one_table.of(FILE)
