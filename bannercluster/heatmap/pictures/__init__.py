"""Pictures of many heatmaps at once: each a point, near where they are alike.

``pca``         principal components of a feature block
``mvu``         maximum variance unfolding, and what proves that its optimum was found
``graph``       which points count as one, and which distances an unfolding keeps
``problem``     the semidefinite program of an unfolding as arrays
``interior``    its solution by a primal-dual interior point method
``factorised``  its solution by a low-rank factor, for more edges
``reference``   its solution by cvxpy, to compare with (extra ``heatmap``)
``similarity``  cosine similarity of feature vectors to an anchor
``figures``     scatter plots as plain views
``drawing``     and these as SVG
"""
