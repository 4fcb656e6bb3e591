"""Train the network on masklets."""
