"""Calls over HTTP: to allowed hosts only, within limits of time, size and quota."""
