"""The measurements of `benches/run.py`."""
