"""Speed as ratios, measured side by side in one run. Each file is a benchmark and ends with one JSON line."""
