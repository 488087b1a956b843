"""One scenario lived twice, by the twin and by the platform, to see whether they decide the same."""
