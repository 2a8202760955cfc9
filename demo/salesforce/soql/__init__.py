"""The SOQL that Leadloop sends: parsed, filtered, answered."""
