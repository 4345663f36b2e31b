"""How a signal is parameterised: families of functions indexed by a flat vector."""
