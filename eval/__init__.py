"""Measurement of results. Installs as `tryon.eval`."""
