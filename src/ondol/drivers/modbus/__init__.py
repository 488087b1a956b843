"""Modbus over TCP and RTU: meters, boilers, controllers."""
