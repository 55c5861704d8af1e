"""Reports: comparisons as a terminal table, JSON, JUnit XML and one self-contained HTML page."""
