"""The product as people and programs meet it: state, pages and API."""
