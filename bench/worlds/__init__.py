"""Simulated orgs in which the truth is known: does what the product claims hold?"""
