"""Small nodes to begin from: what consumers of the tracker should do with its outputs."""
