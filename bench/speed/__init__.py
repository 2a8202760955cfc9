"""How fast the product answers, beside the least that must be done and beside other ways."""
