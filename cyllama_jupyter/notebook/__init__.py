"""Everything that knows IPython and Jupyter: the magics, what runs a cell, and what its output looks like."""
