"""Random faults at random sites: whether the site's agent keeps its limits, whatever fails."""
