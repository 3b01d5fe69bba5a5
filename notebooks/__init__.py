"""The drift analysis as a notebook, its figures and sentences, and the command that executes it."""
