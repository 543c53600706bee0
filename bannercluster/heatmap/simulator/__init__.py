"""Click heatmaps of healthy and of broken banners, drawn from a model that is known exactly."""
