"""Labelled results: the only place where arrays get names, units, comparisons and plots."""
