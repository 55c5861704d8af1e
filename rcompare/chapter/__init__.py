"""The tutorial chapter, block for block: printed as pylmer gives it, beside what real R recorded."""

from rcompare.chapter.run import run_chapter

__all__ = ["run_chapter"]
