"""Reading and writing of images, masks, videos and edit files; drawing of handles and targets."""
