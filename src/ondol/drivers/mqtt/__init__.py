"""MQTT: bound topics are read and written, hosts see and turn their heat, Home Assistant finds it by itself."""
