"""The standard metrics, each a function of what was answered and what is true. Knows no models and no files."""
