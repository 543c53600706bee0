"""Networks on heatmaps: training, count and location of clusters, contrastive, pretrained."""
