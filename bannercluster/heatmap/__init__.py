"""Broken banners from click heatmaps: scores, probable faults and alerts per (domain, grid)."""
