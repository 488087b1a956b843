"""Real work of the demonstration: scripts that travel to the nodes, each one file, and their default inputs."""
