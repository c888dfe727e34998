"""Conda packages, which pip installs here: those whose name on PyPI is known, with their version in pip's words.

A name that is not in the list is refused: a package of that name on PyPI might be somebody else's.
"""

from __future__ import annotations

import re

NAMES = """
bokeh boto3 catboost cffi click cloudpickle cryptography cython dask dill distributed fastapi fastparquet flask
fsspec gensim h5py httpx imbalanced-learn ipykernel ipython jinja2 joblib jsonschema jupyter jupyterlab keras
lightgbm lxml markdown matplotlib mlflow mlflow-skinny mypy networkx nltk notebook numba numexpr numpy onnx
onnxruntime openpyxl optuna packaging pandas papermill patsy pillow plotly polars prophet protobuf psutil
psycopg2-binary pyarrow pydantic pyjwt pymongo pymysql pyodbc pyspark pytest python-dateutil python-dotenv pytz
pyyaml requests rich ruff s3fs scikit-image scikit-learn scipy seaborn shap six sqlalchemy statsmodels sympy
tabulate tensorboard tensorflow tensorflow-cpu threadpoolctl toolz torchvision tornado tqdm transformers
typing-extensions urllib3 xarray xgboost
"""
SAME = frozenset(NAMES.split())
RENAMED = {
    "blas": None,
    "dataclasses": None,
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "pandas-base": "pandas",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "tensorflow-base": "tensorflow",
}
"""What has another name on PyPI; None where pip brings it with others."""
FORM = re.compile(r"(?:[\w.\-/]+::)?(?P<name>[\w.\-]+)\s*(?P<version>[=<>!~].*|[\d].*)?")


def requirement(text: str) -> str | None:
    """A conda package as a line for pip; None for what is no package of its own there.

    Raises:
        LookupError: it is not known under which name pip has it, or its version cannot be said to pip.
    """
    found = FORM.fullmatch(text.strip().lower())
    name = found["name"].replace("_", "-") if found else ""
    if found is None or name not in {*SAME, *RENAMED}:
        raise LookupError(f"the conda package '{text}' has no known counterpart for pip: list what it is under 'pip'")
    own = RENAMED.get(name, name)
    return None if own is None else own + version(text, (found["version"] or "").strip())


def version(text: str, given: str) -> str:
    """A version in pip's words: conda's `=1.5` is any 1.5, and may be followed by a build."""
    exact = given.startswith("==")
    plain = given.lstrip("=").strip()
    if given[:1] in ("<", ">", "!", "~"):
        wanted = given.replace(" ", "")
    elif not plain or plain == "*":
        return ""
    else:
        number = re.split(r"[=\s]", plain)[0]
        fuzzy = given.startswith("=") and not exact and not number.endswith("*")
        wanted = f"=={number}.*" if fuzzy else f"=={number}"
    if "|" in wanted or not re.fullmatch(r"[=<>!~][\w.*=<>!~,+]+", wanted):
        raise LookupError(f"the version of the conda package '{text}' cannot be said to pip: list it under 'pip'")
    return wanted
