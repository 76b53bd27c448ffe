"""Tables and arrays as text for a prompt."""

import re

import numpy as np
import pandas as pd
import pytest

from cyllama_jupyter.notebook.compact import compact, full


class TestWhatIsLeftOut:
    def test_of_a_frame(self) -> None:
        frame = pd.DataFrame({"n": range(10_000), "text": ["a, b"] * 10_000})
        title, header, *rows = compact(frame, 400).splitlines()
        assert title == f"DataFrame of 10,000 rows and 2 columns: n (int64), text ({frame.text.dtype})"
        assert header == "n,text"
        gap = next(index for index, row in enumerate(rows) if "more rows" in row)
        assert rows[:gap] == [f'{n},"a, b"' for n in range(gap)]
        assert rows[gap] == f"… {10_000 - len(rows) + 1:,} more rows …"
        assert rows[-1] == '9999,"a, b"'

    def test_of_a_wide_frame(self) -> None:
        title, header, row = compact(pd.DataFrame(np.arange(1_000).reshape(1, 1_000)), 300).splitlines()
        assert re.search(r"… \d+ more columns …, .*999 \(int64\)$", title)
        assert header.split(",").index("…") == row.split(",").index("…") > 0
        assert row.endswith(",999")


class TestFrames:
    def test_a_small_one_is_whole(self) -> None:
        frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=["r", "s"])
        assert compact(frame).splitlines()[1:] == ["index,a,b", "r,1,x", f"s,2,{frame.b.iloc[1]}"]

    def test_the_name_of_the_index_and_labels_that_occur_twice(self) -> None:
        frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"], index=pd.Index([7, 7], name="id"))
        assert compact(frame).splitlines() == [
            "DataFrame of 2 rows and 2 columns: a (int64), a (int64)",
            "id,a,a",
            "7,1,2",
            "7,3,4",
        ]

    @pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])])
    def test_an_empty_one(self, frame: pd.DataFrame) -> None:
        assert compact(frame).startswith(f"DataFrame of {len(frame)} rows and {len(frame.columns)} column")

    def test_labels_of_several_levels(self) -> None:
        index = pd.MultiIndex.from_tuples([("a", 1)])
        assert compact(pd.DataFrame([[1]], index=index, columns=index)).splitlines()[1:] == [
            "index,\"('a', 1)\"",
            "\"('a', 1)\",1",
        ]

    def test_a_series(self) -> None:
        series = pd.Series([1, 2], index=["a", "b"], name="n")
        assert compact(series).splitlines() == ["Series of 2 rows and 1 column: n (int64)", "index,n", "a,1", "b,2"]

    def test_print_options_change_nothing(self) -> None:
        array = np.array([[1 / 3, 1e10]])
        before = compact(array)
        with np.printoptions(precision=1, threshold=1, linewidth=10):
            assert compact(array) == before

    def test_all_of_it(self) -> None:
        assert full(pd.DataFrame({"n": range(5_000)})).splitlines() == ["n", *map(str, range(5_000))]
        assert full(pd.Series([1], index=["a"], name="n")).splitlines() == [",n", "a,1"]
        assert full(np.arange(5_000)).count(",") == 4_999
        assert full([*range(5_000)]) == str([*range(5_000)])
