"""How parameters are modelled: distributions over the weight vectors of fields."""
