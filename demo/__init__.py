"""Made-up worlds to try the product on."""
