"""From photos to the inputs of an engine."""
