"""Synthetic head portraits whose latent vector *is* the scene (see `recipes.heads.render`)."""
