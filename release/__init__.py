"""Building, describing and checking of what is published; not part of the package."""
