"""The parts of bench/run: what is measured, how, and how it is told."""
