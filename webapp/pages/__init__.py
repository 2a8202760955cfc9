"""What people see: pages and their fragments. Rules of the business stand in the services."""
