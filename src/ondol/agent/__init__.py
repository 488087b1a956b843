"""The loops at the site: heat each minute, power and safety each second; they work with no network."""
