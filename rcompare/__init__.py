"""The conformance harness: the same case through pylmer, through R and through what R recorded."""
