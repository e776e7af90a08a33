"""dagster-dbt without dbt in this process.

What belongs here: importing dagster-dbt the quick way. What does not: dbt's assets (``metrics``).

dagster-dbt imports all of dbt for the types of its adapters and for its selection syntax: two of the four and a half
seconds in which the code location loads, paid again by each run. It also works where dbt's Python package is not
installed, and that is how it is imported here. dbt itself runs as a program of its own, so nothing is missing: the
adapters are not opened (``metrics.DbtCommandLine``), and what is not to be built is left out by dbt's own options.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["DagsterDbtTranslator", "DbtCliResource", "DbtProject", "dbt_assets"]

# By this module dagster-dbt sees whether dbt is installed.
_SIGN_OF_DBT = "dbt.version"


@contextmanager
def _out_of_sight(module: str) -> Iterator[None]:
    """A module that cannot be imported for a while; afterwards it can."""
    before = sys.modules.get(module)
    # The import system's own way to say that there is no such module.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


with _out_of_sight(_SIGN_OF_DBT):
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
