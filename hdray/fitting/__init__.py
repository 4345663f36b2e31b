"""How the parameters of many fields are found at once."""
