"""What ``bc heatmap`` calls: a module for each command, with ``plan`` and ``run``."""
