"""How each kind of feature gets from raw data to what a model sees, one module a kind: values and checks of a column,
columns of the matrix, and the same again as nodes of the ONNX graph.
"""
