"""What authorities want to be told: Regulation (EU) 2024/1364 and the French thresholds."""
