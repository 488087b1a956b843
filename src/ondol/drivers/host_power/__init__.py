"""Power of this host's own parts: processor (RAPL, cpufreq), control groups and graphics cards (NVML)."""
