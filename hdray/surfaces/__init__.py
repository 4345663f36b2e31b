"""How a field becomes a mesh."""
