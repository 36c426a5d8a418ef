"""Starter precedents: the documented failures that ship with the product, as data files, and their loader."""
