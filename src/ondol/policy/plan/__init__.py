"""Planning ahead: watts per heat store and work over the next day or two, under one common price of work."""
