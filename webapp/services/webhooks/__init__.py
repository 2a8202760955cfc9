"""Webhooks: who is told of what, the queue of what is to be sent, and messages in words."""
