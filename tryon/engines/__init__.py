"""Engines: ways to turn prepared inputs into a picture."""
