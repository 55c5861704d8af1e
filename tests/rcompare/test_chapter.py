"""The chapter runs from end to end, agrees with R, and leaves one page that needs nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rcompare.chapter.blocks import BLOCKS
from rcompare.cli import main


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    out = tmp_path_factory.mktemp("chapter")
    done = CliRunner().invoke(main, ["run", "chapter", "--out", str(out)], env={"COLUMNS": "180"})
    return done.exit_code, done.output, out


def test_it_agrees_with_r(chapter: tuple[int, str, Path]) -> None:
    code, output, _ = chapter
    assert code == 0, output[-3000:]
    assert output.rstrip().endswith("the chapter agrees with R")


def test_every_block_is_printed_with_its_verdict(chapter: tuple[int, str, Path]) -> None:
    _, output, _ = chapter
    assert [b.title for b in BLOCKS if f". {b.title} " not in output] == []
    assert output.count("agrees with R\n") == len(BLOCKS) + 1


def test_the_page_needs_nothing_else(chapter: tuple[int, str, Path]) -> None:
    page = (chapter[2] / "chapter.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", page)
    assert "url(" not in page
    assert page.count("data:image/png;base64,") == 2


def test_the_pictures_are_written(chapter: tuple[int, str, Path]) -> None:
    names = sorted(path.name for path in chapter[2].iterdir())
    assert names == ["caterpillar.png", "chapter.html", "distribution.png"]
