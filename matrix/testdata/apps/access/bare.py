"""A script without a function that anybody asks for."""
