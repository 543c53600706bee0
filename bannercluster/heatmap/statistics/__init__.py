"""What a heatmap differs in from the healthy ones of its grid, as scores."""
