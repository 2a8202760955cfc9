"""Salesforce as it is: how to reach it, what to ask, what its answers mean. No database here."""
