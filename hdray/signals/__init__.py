"""What is represented: meshes as occupancy, and how points are drawn, labelled and stored."""
