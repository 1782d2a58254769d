"""Reference tables: CSV files, plain or gzipped, with comment lines that start with `#`."""

from pathlib import Path

import pandas as pd


def read_table(path: Path) -> pd.DataFrame:
    """The table at `path`; its header row names the columns."""
    return pd.read_csv(path, comment="#")
