"""The platform on a leaping clock: the very loop, agents, policies and physics, with simulated jobs."""
