"""The engine without processes: attempts that need given CPU seconds, under a clock that may leap."""
