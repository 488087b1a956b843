"""Server power through IPMI's data centre commands (DCMI 1.5, §6.6), by the program ipmitool."""
