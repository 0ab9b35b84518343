"""Training of the networks. Installs as `tryon.train`."""
