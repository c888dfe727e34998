"""What a stack costs a month: `estimate.py` is the answer, `sheet.csv` and `usage.yaml` say what it follows from."""
