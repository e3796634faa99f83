"""What GPUlse costs, measured against its peers: ``python -m tests.bench NAME``."""
