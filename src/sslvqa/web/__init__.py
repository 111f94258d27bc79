"""Pages and HTTP services."""
