"""Engines: everything that can answer a case, behind one small protocol."""
