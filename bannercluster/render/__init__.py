"""From plain frozen dataclasses to one offline HTML file: views, thumbnails, plots, page."""
