"""Values that a host sends by itself, with `PUT /heat/v1/readings`."""
