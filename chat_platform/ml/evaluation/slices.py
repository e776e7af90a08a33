"""Parts of an evaluation set on which figures are shown by themselves.

What belongs here: which row is in which part. What does not: figures; what makes a question indirect (the rules
of the question model say that, and pass a mask).

A model that is good on the whole can fail where it matters: short lines, English, what the teacher says,
questions without a question mark. A part's name is ``<what>=<which>``, as in ``ml.evaluations.slice``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ALL = "all"
LENGTHS = ((1, 10), (11, 20), (21, 40), (41, None))
ROLES = ("teacher", "staff", "student")


def slice_masks(
    rows: pa.Table, *, indirect: np.ndarray | None = None, text: str = "text"
) -> dict[str, np.ndarray]:
    """Part → mask of its rows; a part without rows is left out.

    Args:
        rows: columns of the evaluation set. ``text`` is needed; ``language``, ``role`` (``teacher``, ``staff``,
            ``student``, else unknown), ``parent_id`` and ``has_code`` (bool) are used where they are there.
        indirect: bool, shape (rows,): questions with neither a question mark nor an interrogative ending.
        text: name of the text column.
    """
    names = set(rows.column_names)
    masks = {ALL: np.ones(rows.num_rows, dtype=bool)} | length_masks(rows.column(text))
    if "language" in names:
        masks |= value_masks("language", rows.column("language"))
    if "role" in names:
        masks |= value_masks("role", rows.column("role"), known=ROLES)
    if "parent_id" in names:
        masks["reply"] = rows.column("parent_id").is_valid().to_numpy(zero_copy_only=False)
    code = _code(rows, names)
    if code is not None:
        masks["code"] = code
    if indirect is not None:
        masks["indirect"] = np.asarray(indirect, dtype=bool)
    return {name: mask for name, mask in masks.items() if name == ALL or mask.any()}


def length_masks(texts: pa.ChunkedArray | pa.Array) -> dict[str, np.ndarray]:
    """Parts by characters; an empty text is in none."""
    lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    masks = {}
    for low, high in LENGTHS:
        name = f"length={low}-{high}" if high else f"length={low}+"
        masks[name] = (lengths >= low) & (lengths <= high if high else True)
    return masks


def value_masks(
    what: str, values: pa.ChunkedArray | pa.Array, known: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Parts by the values of a column; null, and what is not ``known``, is ``<what>=unknown``."""
    column = np.array([value or "unknown" for value in values.to_pylist()], dtype=object)
    if known is not None:
        column[~np.isin(column, list(known))] = "unknown"
    return {f"{what}={value}": column == value for value in sorted(set(column.tolist()))}


def _code(rows: pa.Table, names: set[str]) -> np.ndarray | None:
    """Rows with code: a column says so, else the language."""
    if "has_code" in names:
        return pc.fill_null(rows.column("has_code"), False).to_numpy(zero_copy_only=False)
    if "language" in names:
        return pc.fill_null(pc.equal(rows.column("language"), "code"), False).to_numpy(zero_copy_only=False)
    return None
