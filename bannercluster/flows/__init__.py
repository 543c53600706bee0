"""What composes stages. With the service, the only places that know more than one stage.

``demo``        synthetic banners -> report
``new_images``  new images -> embeddings, and texts where they count -> assignments
"""
