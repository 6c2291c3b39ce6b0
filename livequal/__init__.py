"""livequal: live-commerce streamer quality and training."""

__version__ = "0.1.0"
