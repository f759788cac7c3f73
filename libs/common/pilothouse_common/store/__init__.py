"""The two stores: records (SQLAlchemy) and samples (a port with adapters)."""
