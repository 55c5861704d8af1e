"""The R session that other tests lean on."""

from __future__ import annotations

import numpy as np
import pytest

from rcompare.engines.r import RError, RSession, quote


def test_numbers_keep_dimensions_and_missing_values(R: RSession) -> None:
    assert R.num("matrix(1:6, 2)").tolist() == [[1, 3, 5], [2, 4, 6]]
    assert np.isnan(R.num("c(1L, NA)")[1])
    assert np.isinf(R.num("c(1, -Inf)")[1])
    assert R.num("TRUE").tolist() == [1.0]
    assert R.num("numeric(0)").tolist() == R.num("integer(0)").tolist() == []
    assert R.num("matrix(0, 0, 2)").shape == (0, 2)


def test_text_is_what_r_prints(R: RSession) -> None:
    assert R.text("c(a = 1, b = 2)") == ["a b ", "1 2 "]
    assert R.output("cat('x\\n')") == ["x"]
    assert R.strings("factor(c('u', NA))") == ["u", "NA"]


def test_named_lists_become_dicts(R: RSession) -> None:
    value = R.eval("list(a = 1, b = list('x', NULL), f = factor(c('q', 'p')))")
    assert value["a"].tolist() == [1.0]
    assert value["b"] == [["x"], None]
    assert value["f"] == ["q", "p"]


def test_assign_gives_arrays_to_r(R: RSession) -> None:
    R.assign("rcompare_x", np.arange(6.0).reshape(2, 3))
    assert R.num("dim(rcompare_x)").tolist() == [2, 3]
    assert R.num("rcompare_x[2, 1]").tolist() == [3.0]
    R.assign("rcompare_s", ["a", 'b"'])
    assert R.strings("rcompare_s") == ["a", 'b"']


def test_errors_carry_the_message_of_r(R: RSession) -> None:
    with pytest.raises(RError, match="no such thing"):
        R.eval("stop('no such thing')")


def test_collation_is_that_of_the_c_locale(R: RSession) -> None:
    assert R.strings("sort(c('b', 'A', 'a', '_', 'B', '1'))") == ["1", "A", "B", "_", "a", "b"]
    assert R.strings("sQuote('x')") == ["'x'"]


@pytest.mark.parametrize("text", ["plain", 'with "quotes"', "back\\slash", "two\nlines", "semi; system('x')"])
def test_quoted_text_comes_back_unchanged(R: RSession, text: str) -> None:
    assert R.strings(quote(text)) == [text]
