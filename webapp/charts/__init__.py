"""Charts as inline SVG, a module a subject; what they are drawn with stands in `drawing`."""
