"""A made-up Salesforce: a real HTTP server, the org behind it, and faults on order."""
