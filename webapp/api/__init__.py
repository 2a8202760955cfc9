"""What programs see: routes, errors and the document. Rules of the business: services."""
