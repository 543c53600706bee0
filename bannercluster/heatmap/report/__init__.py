"""Scores of heatmaps as one offline HTML file: views in, text out; no files and no stores.

``views``     what is shown: summary, alerts, all that was scored, pictures, blocks
``quality``   what is shown of measurements against known faults
``maps``      heatmaps as small pictures with their scales; ``ramps`` their colours
``plots``     ROC curves, p-values, calibration as SVG; ``svg`` how it is written
``page``      the page
"""
