"""bannercluster."""
