"""The contract of each route, and the document made from it."""
