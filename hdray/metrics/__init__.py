"""How good generated shapes are, and whether they are new."""
