"""Files that people exchange: images, masks, videos, edit files; and pictures of handles and targets."""
