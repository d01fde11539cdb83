"""Photos of hands that sign the digits 0 to 9: a StyleGAN2 whose fingers can be bent and spread."""
