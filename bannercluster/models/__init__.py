"""Fitted models and their predict: a folder with a card (JSON) and arrays (safetensors), no pickle.

``card``    what a model is, where it came from and what it needs
``kmeans``  centres, nearest centre, distance and margin
``matching`` which cluster of a refit is which cluster of its predecessor
``folder``  saving, loading and listing models
``sweeps``  which models belong to the latest sweep
``rows``    all rows of a source under some models
``evaluations`` what `evaluate` found out about models
"""
