"""Defects of one line that the tests must notice: `defects.yaml` lists them, `make mutants` puts each in and looks."""
